"""A grocer's customers for two years, with a known truth: ``python make_data.py [CUSTOMERS]`` writes data/.

Each customer comes at a rate of their own and spends amounts of their own until they leave. The company does not see
when that is, but a few close their account. Coupons are sent every morning to some of those who came lately.
data/truth.csv has what no company knows: each customer's rate, mean amount, love of coupons, and the day they left.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

START, WEEKS = datetime(2023, 1, 2, tzinfo=UTC), 104
CATEGORIES = ("fresh", "household", "snacks")
HERE = Path(__file__).parent

Rows = list[list[object]]


@dataclass(frozen=True)
class Customer:
    """What is true of one customer, and what no one knows."""

    name: str
    joined: float
    left: float
    visits_a_day: float
    mean_amount: float
    coupon_love: float
    tastes: tuple[float, float, float]
    closes: bool


def customers(count: int, draw: random.Random) -> list[Customer]:
    """Draw customers; a third of them join during the two years."""
    days, found = 7 * WEEKS, []
    for number in range(count):
        joined = draw.uniform(0, days * 0.8) if draw.random() < 0.35 else 0.0
        rate = draw.gammavariate(1.3, 0.11)
        stays = draw.expovariate(1 / draw.choice([120, 500, 2000]))
        tastes = [draw.gammavariate(0.7, 1) for _ in CATEGORIES]
        first, second, third = (taste / sum(tastes) for taste in tastes)
        amount, love = draw.lognormvariate(3.2, 0.5), draw.betavariate(1.2, 6)
        found.append(
            Customer(
                f"c{number:05d}",
                joined,
                joined + stays,
                rate,
                amount,
                love,
                (first, second, third),
                draw.random() < 0.2,
            )
        )
    return found


def visits(customer: Customer, draw: random.Random) -> Iterator[tuple[float, float, str]]:
    """Yield day, amount and category of each visit: a Poisson process from the day they join to the day they leave."""
    day = customer.joined
    while True:
        day += draw.expovariate(customer.visits_a_day)
        if day >= min(customer.left, 7 * WEEKS):
            return
        amount = customer.mean_amount * draw.lognormvariate(-0.08, 0.4)
        yield day, round(amount, 2), draw.choices(CATEGORIES, customer.tastes)[0]


def at(day: float) -> str:
    """Return a day since the start as text."""
    return f"{START + timedelta(seconds=round(day * 86_400)):%Y-%m-%dT%H:%M:%SZ}"


def write(name: str, header: list[str], rows: Rows) -> None:
    """Write one file of data/."""
    (HERE / "data").mkdir(exist_ok=True)
    with (HERE / f"data/{name}.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def coupons(known: list[tuple[Customer, list[float]]], draw: random.Random) -> tuple[Rows, Rows]:
    """Return the coupons that were sent, and those that were redeemed within two weeks, sooner rather than later.

    Every morning each customer who came in the last eight weeks gets a coupon with a chance of 1 in 28.
    """
    sent: Rows = []
    redeemed: Rows = []
    for morning in range(56, 7 * WEEKS - 14):
        day = morning + 8 / 24
        for customer, days in known:
            newest = bisect(days, day) - 1
            if newest < 0 or days[newest] < day - 56 or draw.random() > 1 / 28:
                continue
            campaign, offer = f"month_{morning // 28:02d}", f"o{morning:04d}{customer.name}"
            sent.append([offer, customer.name, campaign, at(day), round(draw.uniform(2, 8), 2)])
            chance = 1 - math.exp(-4 * customer.coupon_love * min(1.0, 14 * customer.visits_a_day))
            used = day + 14 * draw.betavariate(1, 2)
            if draw.random() < chance and used < customer.left:
                redeemed.append([f"r{offer}", customer.name, campaign, at(used)])
    return sent, redeemed


def main(count: int) -> None:
    """Write all files."""
    draw = random.Random(20230102)
    known = [(customer, list(visits(customer, draw))) for customer in customers(count, draw)]
    baskets = [
        [at(day), f"b{number:04d}{customer.name}", customer.name, amount, category]
        for customer, days in known
        for number, (day, amount, category) in enumerate(days)
    ]
    closed = [[item.name, at(item.left)] for item, _ in known if item.closes and item.left < 7 * WEEKS]
    sent, redeemed = coupons([(customer, [day for day, _, _ in days]) for customer, days in known], draw)
    write("baskets", ["at", "basket", "customer", "amount", "category"], sorted(baskets))
    write("closures", ["customer", "closed_at"], sorted(closed, key=lambda row: str(row[1])))
    write("offers", ["offer", "customer", "campaign", "sent_at", "discount"], sent)
    write("redemptions", ["redemption", "customer", "campaign", "at"], sorted(redeemed, key=lambda row: str(row[3])))
    write("customers", ["customer", "joined_at"], [[item.name, at(item.joined)] for item, _ in known])
    truth = [[c.name, at(c.joined), at(c.left), c.visits_a_day, c.mean_amount, c.coupon_love] for c, _ in known]
    write("truth", ["customer", "joined_at", "left_at", "visits_a_day", "mean_amount", "coupon_love"], truth)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1200)

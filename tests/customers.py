"""A second small world: customers who buy, pause and leave, asked about every week, or when they buy much.

Every customer buys at a rate of their own; those who close their account bought less before. Everything is drawn from
one seed.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 8, 5, 12, tzinfo=UTC)
DAYS = 240

PROJECT = """\
spec_version: 1
name: customers
description: A shop with customers who come back, or not.
owner: team:shop
currency: EUR
clock: {simulated_from: 2024-08-05T12:00:00Z}
threads: 1
entities:
  customer: [customer]
"""

BASKETS = """\
spec_version: 1
name: baskets
description: Every basket, known an hour after it was paid.
owner: team:shop
reader: {csv: data/baskets.csv}
key: [basket]
event_timestamp: paid_at
known_at: {delay: 1h}
columns:
  basket: {type: string, required: true}
  customer: {type: string, required: true}
  paid_at: {type: timestamp, required: true}
  amount: {type: float, unit: EUR}
"""

CLOSURES = """\
spec_version: 1
name: closures
description: Accounts that were closed, known a day later.
owner: team:shop
reader: {csv: data/closures.csv}
key: [customer]
event_timestamp: closed_at
known_at: {delay: 1d}
columns:
  customer: {type: string, required: true}
  closed_at: {type: timestamp, required: true}
"""

SHOPPING = """\
spec_version: 1
name: shopping
description: How much and how often a customer has bought lately.
owner: team:shop
entity: customer
source: baskets
refresh: 1h
publish_delay: 10m
features:
  visits: {count: true, windows: [14d, 56d]}
  spend: {sum: amount, windows: [14d, 56d], unit: EUR}
  since_last: {time_since_last: true, windows: [56d]}
"""

WEEKLY = """\
spec_version: 1
name: churn
description: Will this customer buy nothing in the next 14 days?
owner: team:shop
task: binary
population:
  entity: customer
  every: "0 6 * * 1 America/New_York"
  while: shopping.visits_56d > 0
  until: closures
label: {source: baskets, none: amount > 0, within: 14d}
features: [shopping.*]
split: {train: 84d, validate: 28d, test: 42d}
algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 20}}
baselines: [logistic_regression]
value:
  actions:
    call: -4 + label * 9
    wait: 0
  do_nothing: wait
monitoring: {window: 14d, min_rows: 50}
"""

AFTER_MUCH = """\
spec_version: 1
name: next_spend
description: How much does a customer spend in the 14 days after a large basket?
owner: team:shop
task: regression
population: {on: baskets, entity: customer, where: amount >= 50, at_most_once_per: 7d}
label: {source: baskets, sum: amount, within: 14d}
features: [shopping.spend_56d, shopping.visits_14d, baskets.amount]
split: {train: 84d, validate: 28d, test: 42d}
algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 20}}
value:
  payoff: -0.05 * abs(label - prediction)
  do_nothing: "0"
deployment: {batch: "0 */6 * * * UTC"}
monitoring: {window: 14d, min_rows: 50}
"""

FILES = {
    "project.yaml": PROJECT,
    "sources/baskets.yaml": BASKETS,
    "sources/closures.yaml": CLOSURES,
    "features/shopping.yaml": SHOPPING,
    "models/churn.yaml": WEEKLY,
    "models/next_spend.yaml": AFTER_MUCH,
}


def write_customers(directory: Path, *, customers: int = 80, seed: int = 3) -> Path:
    """Write declarations and data into `directory` and return it."""
    draw = np.random.default_rng(seed)
    baskets: list[list[object]] = []
    closures: list[list[object]] = []
    for number in range(customers):
        name, rate = f"c{number:03}", draw.gamma(2.0, 0.06)
        leaves = float(draw.uniform(60, DAYS)) if draw.random() < 0.5 else float(DAYS)
        day = float(draw.uniform(0, 40))
        while day < leaves:
            paid = START + timedelta(days=day)
            baskets.append([f"b{len(baskets):06}", name, paid.isoformat(), round(float(draw.gamma(3, 14)), 2)])
            day += float(draw.exponential(1 / rate)) * (1 + 2 * (leaves - day < 45 and leaves < DAYS)) + 0.01
        if leaves < DAYS:
            closures.append([name, (START + timedelta(days=leaves)).isoformat()])
    for name, text in FILES.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    _write(directory / "data/baskets.csv", ["basket", "customer", "paid_at", "amount"], baskets)
    _write(directory / "data/closures.csv", ["customer", "closed_at"], closures)
    return directory


def _write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])

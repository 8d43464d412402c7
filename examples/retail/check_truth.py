"""Compare what the platform says was earned with what the files say: ``python check_truth.py [FOLDER]``.

Everything is computed from data/*.csv and from the logged answers (`ml-platform predictions MODEL --json`) in plain
loops, by the words of the declarations. Nothing of the platform is imported.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PLACES = 5
BESIDE = Path(sys.executable).with_name("ml-platform")
PROGRAM = str(BESIDE) if BESIDE.exists() else "ml-platform"
Row = Mapping[str, str]
Answer = Mapping[str, object]


class Truth:
    """The files of one folder, and what follows from them for one customer and window."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.baskets = self._by_customer("baskets", "at")
        self.redeemed = self._by_customer("redemptions", "at")

    def rows(self, name: str) -> list[Row]:
        """Return the rows of a file."""
        with (self.folder / f"data/{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def _by_customer(self, name: str, time: str) -> dict[str, list[tuple[datetime, Row]]]:
        found: dict[str, list[tuple[datetime, Row]]] = {}
        for row in self.rows(name):
            found.setdefault(row["customer"], []).append((datetime.fromisoformat(row[time]), row))
        return {customer: sorted(rows, key=lambda item: item[0]) for customer, rows in found.items()}

    def spent(self, customer: str, start: datetime, days: int) -> float:
        """Return what a customer spent in the days after `start`."""
        return sum(float(row["amount"]) for _, row in _within(self.baskets, customer, start, start + days * DAY))

    def came(self, customer: str, start: datetime, days: int) -> bool:
        """Return whether a customer came in the days after `start`."""
        return any(_within(self.baskets, customer, start, start + days * DAY))

    def redeems(self, customer: str, start: datetime) -> bool:
        """Return whether a customer redeems a coupon after the first day, within two weeks."""
        return any(_within(self.redeemed, customer, start + DAY, start + 14 * DAY))


def _within(
    rows: Mapping[str, list[tuple[datetime, Row]]], customer: str, start: datetime, end: datetime
) -> list[tuple[datetime, Row]]:
    own = rows.get(customer, [])
    times = [time for time, _ in own]
    return own[bisect_right(times, start) : bisect_right(times, end)]


def churn(truth: Truth, answer: Answer, at: datetime) -> tuple[float, float]:
    """Return what an answer of churn earned, and what doing nothing would have."""
    leaves = not truth.came(str(answer["customer"]), at, 28)
    return (-2 + 4 * leaves if answer["action"] == "call" else 0), 0


def spend(truth: Truth, answer: Answer, at: datetime) -> tuple[float, float]:
    """Return what an answer of spend earned, and what the same plan for everyone would have."""
    spent = truth.spent(str(answer["customer"]), at, 28)
    return -0.1 * abs(spent - float(str(answer["score"]))), -0.1 * abs(spent - 40)


def redeems(truth: Truth, answer: Answer, at: datetime) -> tuple[float, float]:
    """Return what an answer of redeems earned, and what doing nothing would have."""
    used = truth.redeems(str(answer["customer"]), at)
    return (-0.6 + 2 * used if answer["action"] == "reserve" else 0), 0


MODELS: Mapping[str, tuple[Callable[[Truth, Answer, datetime], tuple[float, float]], timedelta]] = {
    "churn": (churn, 28 * DAY + HOUR),
    "spend": (spend, 28 * DAY + HOUR),
    "redeems": (redeems, 14 * DAY + 6 * HOUR),
}
"""For each model what an answer earns, and when its label is settled."""


def compared(folder: Path, program: str = PROGRAM) -> dict[str, dict[str, float]]:
    """Return, for each model, rows and gain by the platform and by the files."""
    truth, status = Truth(folder), _asked(program, "status", str(folder))
    found = {}
    for model in status["models"]:
        if model["name"] not in MODELS:
            continue
        earns, horizon = MODELS[model["name"]]
        realized = model["monitoring"]["realized_since"]
        answers = _asked(program, "predictions", model["name"], str(folder), "--limit", "1000000")["predictions"]
        gains = []
        for answer in answers:
            at = datetime.fromisoformat(answer["effective_time"])
            if at + horizon <= datetime.fromisoformat(model["monitoring"]["at"]):
                earned, nothing = earns(truth, answer, at)
                gains.append(earned - nothing)
        found[model["name"]] = {
            "rows": realized["rows"],
            "gain": realized["uplift"],
            "true_rows": len(gains),
            "true_gain": sum(gains),
        }
    return found


def shelf(folder: Path, program: str = PROGRAM) -> tuple[int, list[str]]:
    """Return the most goods that were reserved on a day, and the days on which others should have been.

    Coupons are sent once a day, so a day's five are those that are most likely to be redeemed, if reserving pays.
    """
    answers = _asked(program, "predictions", "redeems", str(folder), "--limit", "1000000")["predictions"]
    most, wrong = 0, []
    for day in sorted({answer["effective_time"] for answer in answers}):
        sent = [answer for answer in answers if answer["effective_time"] == day]
        reserved = {answer["prediction_id"] for answer in sent if answer["action"] == "reserve"}
        paying = [answer for answer in sent if -0.6 + 2 * answer["score"] > 0]
        best = sorted(paying, key=lambda answer: answer["score"], reverse=True)[:PLACES]
        most = max(most, len(reserved))
        if reserved != {answer["prediction_id"] for answer in best}:
            wrong.append(day)
    return most, wrong


def _asked(program: str, *arguments: str) -> Any:
    done = subprocess.run([program, *arguments, "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _text(rows: float, gain: float) -> str:
    return f"{rows:6,.0f} rows {gain:12,.2f} EUR"


def main(folder: Path) -> int:
    """Print the comparison; the exit code is 1 where a figure differs by more than a cent."""
    wrong = 0
    for name, item in compared(folder).items():
        same = item["rows"] == item["true_rows"] and abs(item["gain"] - item["true_gain"]) < 0.01
        wrong += not same
        platform, files = (_text(item[f"{by}rows"], item[f"{by}gain"]) for by in ("", "true_"))
        print(f"{name:10} platform {platform}   files {files}   {'same' if same else 'DIFFERENT'}")
    most, others = shelf(folder)
    verdict = f"not the best on {len(others)} days" if others else "the best of each day"
    print(f"redeems    at most {most} reserved on a day   {verdict}")
    return int(wrong > 0 or most > PLACES or bool(others))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent))

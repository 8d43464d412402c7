"""Made rows for a new project without data: orders of a shop that sends parcels."""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

PREDICTED = {"binary": "late", "regression": "minutes_late", "multiclass": "arrival"}
"""The column that each template predicts."""
_HABIT = {"ada": -5, "bob": 35, "cyd": 10, "dee": 22}
"""How many minutes late a courier is on average."""
_ROWS, _BETWEEN = 3600, timedelta(minutes=40)
_LATE, _EARLY = 30, 5


def write_made_rows(path: Path, template: str) -> None:
    """Write a CSV file with an order each 40 minutes and the column that the template predicts."""
    draw = random.Random(1)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["order_id", "placed_at", "courier", "items", "parcel", PREDICTED[template]])
        for number in range(_ROWS):
            placed = datetime(2024, 1, 1, tzinfo=UTC) + number * _BETWEEN
            courier, items = draw.choice(list(_HABIT)), draw.randint(1, 8)
            parcel = draw.choices(["small", "medium", "large"], weights=[9 - items, 5, items])[0]
            minutes = round(_HABIT[courier] + 3 * items + draw.gauss(0, 15), 1)
            rows.writerow([number, placed.isoformat(), courier, items, parcel, _outcome(minutes, template)])


def _outcome(minutes: float, template: str) -> str | float:
    if template == "regression":
        return minutes
    if template == "binary":
        return "yes" if minutes >= _LATE else "no"
    return "late" if minutes >= _LATE else "early" if minutes <= _EARLY else "on time"

"""Files of orders, of which projects are made."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

HEADS = ["Order ID", "placed at", "courier", "items", "note", "late", "minutes", "size"]


def write_orders(path: Path, days: int = 90, form: str = "%Y-%m-%d %H:%M:%S") -> Path:
    draw = random.Random(1)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADS)
        for number in range(days * 12):
            placed = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=2 * number)
            minutes = draw.randint(0, 90)
            late, size = "yes" if minutes > 60 else "no", draw.choice(["small", "medium", "large"])
            courier, note = draw.choice(["ada", "bob", "cyd"]), draw.choice(["NA", ""])
            rows.writerow([number, placed.strftime(form), courier, draw.randint(1, 9), note, late, minutes, size])
    return path


def write_rows(path: Path, header: str, cells: Callable[[int], str]) -> Path:
    times = (f"2024-0{1 + number // 28}-{1 + number % 28:02}T08:00:00Z" for number in range(84))
    lines = [f"id,at,{header}", *(f"{n},{time},{cells(n)}" for n, time in enumerate(times))]
    path.write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")
    return path

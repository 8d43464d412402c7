"""Made-up events and questions for the benchmarks: the same from the same numbers, written once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START = 1_672_531_200_000_000  # 2023-01-01, in microseconds
DAY = 86_400_000_000
YEAR = 365 * DAY


def events(folder: Path, rows: int, entities: int, days: int = 365) -> Path:
    """Write events of entities: id, entity, ts, amount, and four attributes."""
    path = folder / f"events-{rows}-{entities}-{days}.parquet"
    if not path.exists():
        draw = np.random.default_rng(rows + entities)
        table = {
            "id": np.arange(rows),
            "entity": draw.integers(0, entities, rows),
            "ts": _instants(np.sort(draw.integers(0, days * DAY, rows))),
            "amount": np.round(draw.normal(50, 20, rows), 2),
            **{f"a{number}": np.round(draw.normal(0, 1, rows), 6) for number in range(4)},
        }
        pq.write_table(pa.table(table), path)
    return path


def questions(folder: Path, rows: int, entities: int) -> Path:
    """Write questions about entities: point, entity, ts; the first month has none."""
    path = folder / f"questions-{rows}-{entities}.parquet"
    if not path.exists():
        draw = np.random.default_rng(rows * 3 + entities)
        table = {
            "point": np.arange(rows),
            "entity": draw.integers(0, entities, rows),
            "ts": _instants(draw.integers(31 * DAY, YEAR, rows)),
        }
        pq.write_table(pa.table(table), path)
    return path


def daily(folder: Path, days: int, rows_a_day: int, entities: int) -> Path:
    """Write events as one file for each day."""
    target = folder / f"daily-{days}-{rows_a_day}"
    target.mkdir(exist_ok=True)
    for day in range(days):
        path = target / f"{day:05d}.parquet"
        if not path.exists():
            draw = np.random.default_rng(day)
            moments = np.sort(draw.integers(day * DAY, (day + 1) * DAY, rows_a_day))
            table = {
                "id": np.arange(day * rows_a_day, (day + 1) * rows_a_day),
                "entity": draw.integers(0, entities, rows_a_day),
                "ts": _instants(moments),
                "amount": np.round(draw.normal(50, 20, rows_a_day), 2),
            }
            pq.write_table(pa.table(table), path)
    return target


def _instants(offsets: np.ndarray) -> pa.Array:
    return pa.array(START + offsets, pa.timestamp("us", tz="UTC"))

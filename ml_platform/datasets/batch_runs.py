"""Batch runs of a schedule, as rows."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from itertools import pairwise

import pyarrow as pa

from ml_platform.core.clock import Schedule, to_micros


@lru_cache(maxsize=8)  # rows in time, late rows and labels of a snapshot ask for the same runs
def batch_runs(schedule: Schedule, start: datetime, end: datetime) -> pa.Table:
    """Return the batch runs in ``(start, end]``, each with the next, in microseconds since 1970 UTC."""
    runs = schedule.between(start, end) if start < end else []
    if not runs:
        return pa.table({"run": pa.array([], pa.int64()), "next_run": pa.array([], pa.int64())})
    following = [*runs, next(schedule.after(runs[-1]))]
    pairs = [(to_micros(run), to_micros(after)) for run, after in pairwise(following)]
    return pa.table({"run": [run for run, _ in pairs], "next_run": [after for _, after in pairs]})

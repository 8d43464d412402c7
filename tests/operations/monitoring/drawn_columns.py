"""Columns of drawn rows, their reference, and the verdict on later days of them."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from ml_platform.declarations.in_production import Monitoring
from ml_platform.operations.monitoring.drift import compare, summarize_reference, summarize_window
from ml_platform.operations.monitoring.drift_result import ColumnDrift, DriftReference, DriftResult

START = pd.Timestamp("2024-01-01T00:00Z")
LIMITS = Monitoring.model_validate({"window": "7d", "min_rows": 100})
DAY = timedelta(days=1)


def instants(days: int, rows: int, first: int = 0) -> pd.Series:
    """Return the instants of rows, at 24 batch runs a day."""
    hours = (np.arange(days * rows) % rows) * 24 // rows
    return pd.Series(START + pd.to_timedelta((first + np.repeat(np.arange(days), rows)) * 24 + hours, "h"))


def reference_of(
    frame: pd.DataFrame, rows: int = 60, scores: pd.DataFrame | None = None, times: pd.Series | None = None
) -> DriftReference:
    """Return the reference of rows that end at day `len(frame) / rows`."""
    times = instants(len(frame) // rows, rows) if times is None else times
    nothing = pd.DataFrame(index=frame.index[:0])
    return summarize_reference((frame, times), (nothing, times[:0]) if scores is None else (scores, times))


def look(
    reference: DriftReference, frame: pd.DataFrame, rows: int = 60, first: int = 100, settings: Monitoring = LIMITS
) -> DriftResult:
    """Compare rows of the days from `first` on."""
    days = len(frame) // rows
    start = (START + timedelta(days=first, minutes=-1)).to_pydatetime()
    end = start + days * DAY
    return compare(reference, summarize_window(reference, frame, instants(days, rows, first), start, end), settings)


def column(result: DriftResult, name: str = "x") -> ColumnDrift:
    return next(each for each in result.columns if each.column == name)


def normal(days: int, rows: int = 60, columns: int = 1, seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    names = ["x", *(f"y{number}" for number in range(columns - 1))]
    return pd.DataFrame({name: draw.normal(size=days * rows) for name in names})

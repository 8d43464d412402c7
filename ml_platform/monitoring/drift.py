"""Drift: how far the columns of now stand from those that the champion was made from.

The population stability index of two histograms p and q over the same bins is
sum((p - q) * ln(p / q)), the symmetric Kullback-Leibler divergence (Siddiqi, Credit
Risk Scorecards, 2006). Between two samples of n and m rows of one distribution over
k bins it is about (1/n + 1/m) times a chi-squared variable with k - 1 degrees of
freedom (Yurdakul and Naranjo, Statistical properties of the population stability
index, Journal of Risk Model Validation 14(4), 2020), which says how much is noise.

That holds for rows that are independent. Rows of one week are not: features of a few
entities come and go together, and so does the weather. So the index is also held
against what windows of the same length came to within the reference itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import NormalDist
from typing import Literal

import numpy as np
import pandas as pd

from ml_platform.monitoring.histograms import Histogram, choose_bins, count_values, places_of
from ml_platform.spec.model import Monitoring

Verdict = Literal["drift", "stable", "too few rows"]
Role = Literal["feature", "score"]
# Chance, by the chi-squared bound, that any column of one comparison passes it where nothing changed. The index's own
# tail is heavier: simulated with 20 columns and 30 to 300 rows the chance is 0 to 2 %.
_FALSE_ALARMS = 0.002
_HALF_A_ROW = 0.5  # added to each bin, so that an empty one has a logarithm


@dataclass(frozen=True)
class ColumnDrift:
    """One column of now beside the same column of the reference.

    Attributes
    ----------
    psi
        Population stability index; 0 means equal shares.
    noise
        What the index stays below where nothing changed, at this number of rows.
    usual
        The largest index of any window of this length within the reference; 0 where that is too short to tell.
    limit
        The index from which this column has drifted: the declared limit on top of what is usual, and more than noise.
    moved
        The bin whose share changed most, with its share before and now.
    """

    column: str
    role: Role
    psi: float
    noise: float
    usual: float
    limit: float
    drifted: bool
    reference_rows: int
    current_rows: int
    reference_missing: float
    current_missing: float
    moved: str


@dataclass(frozen=True)
class DriftResult:
    """All columns, the worst first, and the verdict over them with its reason."""

    verdict: Verdict
    reason: str
    rows: int
    columns: tuple[ColumnDrift, ...]

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The columns that have drifted."""
        return tuple(column for column in self.columns if column.drifted)


def summarise(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, Histogram]:
    """Return the histogram of each column of a reference, over bins chosen on itself."""
    return {column: count_values(frame[column], choose_bins(frame[column])) for column in columns}


def count_like(frame: pd.DataFrame, reference: Mapping[str, Histogram]) -> dict[str, Histogram]:
    """Return the histogram of each column over the bins of the reference."""
    return {column: count_values(frame[column], histogram.bins) for column, histogram in reference.items()}


def psi(reference: Histogram, current: Histogram) -> float:
    """Return the population stability index of two histograms over the same bins."""
    if reference.bins != current.bins:
        raise ValueError("histograms with different bins cannot be compared")
    before, now = _shares(reference), _shares(current)
    return math.fsum((p - q) * math.log(p / q) for p, q in zip(now, before, strict=True))


def psi_noise(reference: Histogram, current: Histogram, chance: float) -> float:
    """Return what the index passes with probability `chance` where both are samples of one distribution."""
    if not (reference.rows and current.rows):
        return math.inf
    used = sum(1 for before, now in zip(reference.counts, current.counts, strict=True) if before or now)
    return (1 / reference.rows + 1 / current.rows) * _chi_squared(max(used - 1, 1), chance)


def usual_psi(values: pd.Series, times: pd.Series, reference: Histogram, window: timedelta, min_rows: int = 1) -> float:
    """Return the largest index of any window of whole days within a reference against all of it.

    Parameters
    ----------
    values, times
        A column of the reference with the instant of each row.
    window
        Its length, rounded up to whole days.
    min_rows
        Windows with fewer rows do not count.

    Returns
    -------
    0 where the reference does not hold two such windows side by side: it cannot tell what is usual.
    """
    length = max(1, math.ceil(window / timedelta(days=1)))
    days = ((times - times.min()) // timedelta(days=1)).to_numpy(dtype=np.int64)
    if not len(days) or int(days.max()) + 1 < 2 * length:
        return 0.0
    bins = len(reference.counts)
    by_day = np.bincount(days * bins + places_of(values, reference.bins), minlength=(int(days.max()) + 1) * bins)
    summed = np.vstack([np.zeros((1, bins)), np.cumsum(by_day.reshape(-1, bins), axis=0)])
    windows = summed[length:] - summed[:-length]
    windows = windows[windows.sum(axis=1) >= max(min_rows, 1)]
    before, now = np.array(_shares(reference)), windows + _HALF_A_ROW
    now = now / now.sum(axis=1, keepdims=True)
    return float(np.max(np.sum((now - before) * np.log(now / before), axis=1), initial=0.0))


def compare(
    reference: Mapping[str, Histogram],
    current: Mapping[str, Histogram],
    scores: Sequence[str],
    settings: Monitoring,
    usual: Mapping[str, float] | None = None,
) -> DriftResult:
    """Compare every column of the reference with now and give the verdict.

    A column has drifted where its index exceeds by the declared limit what windows within the reference came to, and
    is more than noise. The data has drifted where the declared number of features has, or a score.

    Parameters
    ----------
    scores
        Which columns are scores; all others are features.
    usual
        For each column the largest index of any window within the reference; see `usual_psi`.
    """
    chance = _FALSE_ALARMS / max(len(reference), 1)
    found = [
        _column(
            name,
            "score" if name in scores else "feature",
            (reference[name], current[name]),
            settings.psi,
            psi_noise(reference[name], current[name], chance),
            (usual or {}).get(name, 0.0),
        )
        for name in reference
    ]
    columns = tuple(sorted(found, key=lambda column: (-column.psi, column.column)))
    rows = max((column.current_rows for column in columns), default=0)
    verdict, reason = _verdict(columns, rows, settings)
    if verdict == "too few rows":
        columns = tuple(ColumnDrift(**{**vars(column), "drifted": False}) for column in columns)
    return DriftResult(verdict, reason, rows, columns)


def _column(
    name: str, role: Role, histograms: tuple[Histogram, Histogram], limit: float, noise: float, usual: float
) -> ColumnDrift:
    before, now = histograms
    index, reached = psi(before, now), max(limit + usual, noise)
    return ColumnDrift(
        column=name,
        role=role,
        psi=index,
        noise=noise,
        usual=usual,
        limit=reached,
        drifted=index >= reached,
        reference_rows=before.rows,
        current_rows=now.rows,
        reference_missing=before.missing,
        current_missing=now.missing,
        moved=moved_bin(before, now),
    )


def _verdict(columns: Sequence[ColumnDrift], rows: int, settings: Monitoring) -> tuple[Verdict, str]:
    if rows < settings.min_rows:
        return "too few rows", f"{rows:,} rows in the current window, fewer than {settings.min_rows:,}"
    features = [column.column for column in columns if column.drifted and column.role == "feature"]
    scores = [column.column for column in columns if column.drifted and column.role == "score"]
    total = sum(column.role == "feature" for column in columns)
    told = f"{len(features)} of {total} features at PSI {settings.psi:g} or more beyond what is usual"
    told += f", and the score ({', '.join(scores)})" if scores else ""
    drift = len(features) >= settings.drifted_features or bool(scores)
    return ("drift" if drift else "stable"), told


def _shares(histogram: Histogram) -> list[float]:
    total = histogram.rows + _HALF_A_ROW * len(histogram.counts)
    return [(count + _HALF_A_ROW) / total for count in histogram.counts]


def moved_bin(before: Histogram, now: Histogram) -> str:
    """Return the bin whose share changed most, with its share before and now; empty where there are no rows."""
    if not (before.rows and now.rows):
        return ""
    changes = [b / now.rows - a / before.rows for a, b in zip(before.counts, now.counts, strict=True)]
    worst = max(range(len(changes)), key=lambda place: abs(changes[place]))
    was, is_now = before.counts[worst] / before.rows, now.counts[worst] / now.rows
    return f"{before.bins.labels[worst]}: {was:.1%} -> {is_now:.1%}"


def _chi_squared(degrees: int, chance: float) -> float:
    """Return the value that a chi-squared variable passes with probability `chance` (Wilson and Hilferty, 1931)."""
    spread = 2 / (9 * degrees)
    return float(degrees * (1 - spread + NormalDist().inv_cdf(1 - chance) * math.sqrt(spread)) ** 3)

"""The population stability index of two histograms, and how much of it is sampling noise.

The index of two histograms p and q over the same bins is sum((p - q) * ln(p / q)), the
symmetric Kullback-Leibler divergence (Siddiqi, Credit Risk Scorecards, 2006). Between two
samples of n and m independent rows of one distribution over k bins it is about
(1/n + 1/m) times a chi-squared variable with k - 1 degrees of freedom (Yurdakul and
Naranjo, Statistical properties of the population stability index, Journal of Risk Model
Validation 14(4), 2020). Rows of one week are not independent, so the index describes a
difference and is no test for drift: `ml_platform.operations.monitoring.drift` tests.
"""

from __future__ import annotations

import math

import scipy  # loads scipy.special when it is first used

from ml_platform.core.statistics.histograms import Histogram

_HALF_A_ROW = 0.5  # added to each bin, so that an empty one has a logarithm


def psi(reference: Histogram, current: Histogram) -> float:
    """Return the population stability index of two histograms over the same bins; 0 means equal shares."""
    if reference.bins != current.bins:
        raise ValueError("histograms with different bins cannot be compared")
    before, now = _shares(reference), _shares(current)
    return math.fsum((p - q) * math.log(p / q) for p, q in zip(now, before, strict=True))


def psi_sampling_bound(reference: Histogram, current: Histogram, chance: float) -> float:
    """Return what the index passes with probability `chance` if both are samples of one distribution."""
    if not (reference.rows and current.rows):
        return math.inf
    used = sum(1 for before, now in zip(reference.counts, current.counts, strict=True) if before or now)
    return (1 / reference.rows + 1 / current.rows) * float(scipy.special.chdtri(max(used - 1, 1), chance))


def largest_shift(before: Histogram, now: Histogram) -> str:
    """Return the bin whose share changed most, with its share before and now; empty if there are no rows."""
    if not (before.rows and now.rows):
        return ""
    changes = [b / now.rows - a / before.rows for a, b in zip(before.counts, now.counts, strict=True)]
    worst = max(range(len(changes)), key=lambda place: abs(changes[place]))
    was, is_now = before.counts[worst] / before.rows, now.counts[worst] / now.rows
    return f"{before.bins.labels[worst]}: {was:.1%} -> {is_now:.1%}"


def _shares(histogram: Histogram) -> list[float]:
    total = histogram.rows + _HALF_A_ROW * len(histogram.counts)
    return [(count + _HALF_A_ROW) / total for count in histogram.counts]

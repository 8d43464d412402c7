"""The uncertainty of a mean over days whose luck may persist: t distributions averaged over the unknown correlation.

Few days cannot show how strongly one day's luck is correlated with the next day's. So the correlation is not
estimated: for each correlation of a grid the mean has a t distribution, and the distributions are averaged with the
likelihood of their correlation as weights. A level that moves slowly under daily noise has grid points of its own.

Sources: the restricted likelihood and the variance of generalised least squares (Harville, JASA 1977); degrees of
freedom from unequal days (Carter, Schnepel and Steigerwald, Review of Economics and Statistics 2017) and for a sum of
variances (Satterthwaite, Biometrics Bulletin 1946); prediction errors of a stationary series (Durbin, 1960).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
SHARES = (*[1.0] * 11, 0.3, 0.3, 0.5, 0.5)
COEFFICIENTS = (*(step / 10 for step in range(10)), 0.95, *(0.8, 0.95) * 2)
"""The grid: which share of a day's variance persists, and how much of that is left a day later."""
OVERLAPPING = (0.97, 0.9, 0.65)
"""Further points where labels overlap: which share of a day's variance is luck that its label shares with others."""
INDEPENDENT, SLOW, OVERLAP = 8.0, 1.0, 6.0
INDEPENDENT_WITH_HISTORY, SLOW_WITH_HISTORY = 16.0, 2.0
"""How likely independent days, a slow level and an overlap are before any day is seen, in times of another point."""


@functools.lru_cache(maxsize=8)
def correlations(days: int, overlap: float = 0.0) -> np.ndarray:
    """Return the correlation of a day with the days 0, 1, 2, ... later: one row for each point of the grid.

    Parameters
    ----------
    overlap
        How many days a label spans. Two labels that span h days and begin k days apart share h - k of them.
    """
    later = np.arange(days)
    candidates = np.array(SHARES)[:, None] * np.array(COEFFICIENTS)[:, None] ** later
    if overlap > 1:
        candidates = np.vstack([candidates, np.array(OVERLAPPING)[:, None] * np.maximum(1 - later / overlap, 0.0)])
    candidates[:, 0] = 1.0
    return np.asarray(candidates)


def log_prior(count: int, history: bool) -> np.ndarray:
    """Return the log of how likely each point of a grid is before any day is seen, but for a constant."""
    weights = np.ones(count)
    weights[0] = INDEPENDENT_WITH_HISTORY if history else INDEPENDENT
    weights[[share < 1 for share in SHARES] + [False] * (count - len(SHARES))] = SLOW_WITH_HISTORY if history else SLOW
    weights[len(SHARES) :] = OVERLAP
    return np.asarray(np.log(weights))


@dataclass(frozen=True)
class Grid:
    """What follows from the number of days alone, for each correlation R of the grid.

    Attributes
    ----------
    whitening
        L with R^-1 = L'L: what a day differs from its prediction by the days before, in standard deviations.
    ones
        L 1, and `information` 1' R^-1 1.
    log_determinant
        log |R|.
    spread
        1' R 1: the variance of a sum of days, in variances of one day.
    """

    whitening: np.ndarray
    ones: np.ndarray
    information: np.ndarray
    log_determinant: np.ndarray
    spread: np.ndarray


@functools.lru_cache(maxsize=3)
def grid_of(days: int, overlap: float = 0.0) -> Grid:
    """Return the grid for a number of days, by the Durbin-Levinson recursion."""
    lagged = correlations(days, overlap)
    count = len(lagged)
    whitening, variance = np.zeros((count, days, days)), np.ones(count)
    weights, log_determinant = np.zeros((count, 0)), np.zeros(count)
    whitening[:, 0, 0] = 1.0
    for day in range(1, days):
        partial = (lagged[:, day] - (weights * lagged[:, day - 1 : 0 : -1]).sum(axis=1)) / variance
        weights = np.hstack([weights - partial[:, None] * weights[:, ::-1], partial[:, None]])
        variance = variance * (1 - partial**2)
        log_determinant += np.log(variance)
        whitening[:, day, day] = 1.0
        whitening[:, day, :day] = -weights[:, ::-1]
        whitening[:, day] /= np.sqrt(variance)[:, None]
    ones = whitening.sum(axis=2)
    spread = days + 2 * ((days - np.arange(1, days)) * lagged[:, 1:]).sum(axis=1)
    return Grid(whitening, ones, (ones**2).sum(axis=1), log_determinant, spread)


def squares(influences: np.ndarray, overlap: float = 0.0) -> np.ndarray:
    """Return u' P u for each correlation: squares about the generalized least squares mean, of whitened days."""
    grid = grid_of(len(influences), overlap)
    errors = np.einsum("kij,j->ki", grid.whitening, influences)
    about = (grid.ones * errors).sum(axis=1) ** 2 / grid.information
    return np.asarray(np.maximum((errors**2).sum(axis=1) - about, 0.0))


def log_likelihood(influences: np.ndarray, overlap: float = 0.0) -> np.ndarray:
    """Return the restricted log likelihood of each correlation, but for a constant."""
    grid, days = grid_of(len(influences), overlap), len(influences)
    variances = np.maximum(squares(influences, overlap), np.finfo("float64").tiny)
    return np.asarray(-(grid.log_determinant + np.log(grid.information) + (days - 1) * np.log(variances)) / 2)


@dataclass(frozen=True)
class Mixture:
    """What is known of a mean: t distributions about one estimate, with weights that add up to 1."""

    estimate: float
    errors: np.ndarray
    freedom: np.ndarray
    weights: np.ndarray

    def half_width(self, level: float = LEVEL) -> float:
        """Return h so that the mean is within h of the estimate with probability `level`."""
        from scipy.optimize import brentq
        from scipy.special import stdtrit

        within = (1 + level) / 2
        high = 1.01 * float(self.errors.max() * stdtrit(self.freedom.min(), within))
        if high <= 0:
            return 0.0
        return float(brentq(lambda half: self._below(half) - within, 0.0, high, xtol=high * 1e-13))

    def probability_above(self, threshold: float) -> float:
        """Return the probability that the mean is above a threshold."""
        return self._below(self.estimate - threshold)

    def _below(self, distance: float) -> float:
        """Return the weight below a distance from the estimate; where nothing is uncertain, all or none of it."""
        from scipy.special import stdtr

        sure = self.errors <= 0
        scaled = distance / np.where(sure, 1.0, self.errors)
        below = np.where(sure, float(distance > 0), stdtr(self.freedom, scaled))
        return min(max(float((self.weights * below).sum()), 0.0), 1.0)


def mixture(
    sums: np.ndarray,
    rows: np.ndarray,
    history: np.ndarray | None = None,
    extra: tuple[float, float] = (0.0, 1.0),
    floor: tuple[float, float] = (0.0, 1.0),
    overlap: float = 0.0,
) -> Mixture:
    """Return the distribution of the mean of a row, estimated from days.

    Parameters
    ----------
    sums, rows
        What the rows of each day add up to, and how many there are; two days at least.
    history
        Influences of earlier days of the same quantity: they show which correlation is likely.
    extra
        A further variance of the mean, such as that of repeated entities, and its degrees of freedom.
    floor
        The least variance of the mean: what its rows alone bring, also where luck spared these days. Its degrees of
        freedom are those of the rows that it was computed from.
    overlap
        How many days a label spans.
    """
    days, total = len(sums), rows.sum()
    influences = day_influences(sums, rows)
    log_weights = log_likelihood(influences, overlap)
    log_weights += log_prior(len(log_weights), history is not None)
    if history is not None:
        log_weights += log_likelihood(history, overlap)
    weights = np.exp(log_weights - log_weights.max())
    variance = squares(influences, overlap) / (days - 1) * grid_of(days, overlap).spread / total**2
    by_days = max(effective_number(rows) - 1, 1.0)
    freedom = np.where(variance < floor[0], max(by_days, floor[1]), by_days)
    variance = np.maximum(variance, floor[0])
    if extra[0] > 0:
        both = variance + extra[0]
        freedom = both**2 / (variance**2 / freedom + extra[0] ** 2 / max(extra[1], 1.0))
        variance = both
    return Mixture(float(sums.sum() / total), np.sqrt(variance), freedom, weights / weights.sum())


def day_influences(sums: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return by how much each day moves the mean, times all rows: jackknifed, so that a large day is not underrated.

    MacKinnon, Nielsen and Webb, "Cluster-robust inference", Journal of Econometrics 2023 (CV3).
    """
    days, total = len(sums), rows.sum()
    off = sums - rows * (sums.sum() / total)
    return np.asarray(off / (1 - rows / total) * (days - 1) / days)


def effective_number(rows: np.ndarray) -> float:
    """Return how many clusters of equal size would know as much as these: all of them where they are equal."""
    return float(rows.sum() ** 2 / (rows**2).sum())


def effective_days(rows: np.ndarray, weights: np.ndarray, overlap: float = 0.0) -> float:
    """Return how many independent days of equal size know as much, by the average over the grid."""
    days = len(rows)
    return float(effective_number(rows) / (weights * grid_of(days, overlap).spread / days).sum())

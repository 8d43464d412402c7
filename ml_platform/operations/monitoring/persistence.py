"""How much a mean over a window moves by itself: t distributions averaged over the unknown persistence of days.

A feature's daily mean may be independent from day to day, or a level that moves slowly.
A few weeks of one feature cannot show which. So the variance of a window's mean is
computed for each correlation of a grid; the results are averaged, weighted by the
restricted likelihood of the correlation (Harville, JASA 1977) and by a prior that is
learned from all features together (nonparametric maximum likelihood of a mixing
distribution, by expectation-maximization: Laird, JASA 1978; Efron, Large-Scale
Inference, 2010).

The model of one series with daily means y, rows n and weekdays X: y = X b + e, with
Cov(e) = s2 R, R[i, j] = q rho^|i - j| + (1 - q) (mean rows / n[i]) (i = j): a share q of a
day's variance persists, the rest is sampling noise, which is smaller on days with more
rows. A lag is counted in the usual distance between days with rows, so that weekly
batches have weekly lags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import scipy  # loads scipy.special when it is first used

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

_RHOS = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_SHARES = (0.35, 0.65, 1.0)
SAMPLING, FRESH_DAYS = (0.0, 0.0), (0.0, 1.0)
GRID: tuple[tuple[float, float], ...] = (SAMPLING, FRESH_DAYS, *((rho, q) for rho in _RHOS for q in _SHARES))
"""Pairs of the correlation of one day with the next, and the share of a day's variance that has it."""

_EM_STEPS = 30
_LEARNED = 0.98  # of the prior; the rest stays on the starting prior, so that no correlation is ruled out
_BISECTIONS = 40
_WEEK = 7
_DAYS_FOR_WEEKDAYS = 28
_TIMES_A_WEEKDAY = 3
_APART = 0.05


def starting_prior() -> Floats:
    """Return the prior before anything is learned: proportional to 1 - rho, rho = 0 divided among its two points."""
    weights = np.array([(1.0 - rho) / (2.0 if rho == 0.0 else 1.0) for rho, _ in GRID])
    return np.asarray(weights / weights.sum())


@dataclass(frozen=True)
class DaysWithRows:
    """Days that have rows.

    Attributes
    ----------
    numbers
        Ascending.
    rows
        How many rows each has, as a float: it may be an average over several series.
    weekdays
        Which share of a day's rows lies on which of the seven weekdays: a day of 24 hours may lie on two. None: the
        weekday of a day is its number modulo 7.
    """

    numbers: np.ndarray[Any, np.dtype[np.int64]]
    rows: Floats
    weekdays: Floats | None = None

    @property
    def shares(self) -> Floats:
        """One row a day, one column a weekday."""
        return np.eye(_WEEK)[self.numbers % _WEEK] if self.weekdays is None else self.weekdays


class PersistenceModel:
    """What follows from the days of a reference alone, for each point of the grid; series that share days share it."""

    def __init__(self, days: DaysWithRows) -> None:
        self.days = days
        gaps = np.diff(days.numbers)
        self._step = float(np.median(gaps)) if len(gaps) else 1.0
        self._mean_rows = 1.0 / float(np.mean(1.0 / days.rows))
        self._weekdays = _weekdays(days)
        design = self._design(days)
        weighted = design * days.rows[:, None]
        self._to_effects = np.linalg.solve(weighted.T @ design, weighted.T)
        self.degrees = len(days.numbers) - design.shape[1]
        self._projections, self._constants = self._restricted(design)

    def weekday_effects(self, series: Floats) -> Floats:
        """Return the mean of each weekday, weighted by rows: one column a series."""
        return np.asarray(self._to_effects @ series)

    def expected(self, days: DaysWithRows, effects: Floats) -> Floats:
        """Return what the reference expects on some days."""
        return np.asarray(self._design(days) @ effects)

    def squares(self, series: Floats) -> Floats:
        """Return r' P r, the squares about the weekdays in terms of independent errors: grid by series."""
        errors = series - series.mean(axis=0)
        return np.asarray(np.maximum(((self._projections @ errors) * errors).sum(axis=1), 0.0))

    def log_likelihood(self, squares: Floats) -> Floats:
        """Return the restricted log likelihood of each correlation, but for a constant: grid by series."""
        return np.asarray(self._constants[:, None] - 0.5 * self.degrees * np.log(np.maximum(squares, 1e-300)))

    def variance_factors(self, window: DaysWithRows, rows: Floats) -> Floats:
        """Return the variance of (mean of the window - what the reference expects), in variances of one day.

        Parameters
        ----------
        window
            The days of the window; their rows are not used.
        rows
            Rows of each day of the window (one row a day, one column a series). Days are weighted by them.

        Returns
        -------
        Grid by series; infinite where a series has no rows in the window.
        """
        total = rows.sum(axis=0)
        weights = rows / np.where(total > 0, total, 1.0)
        of_reference = (self._design(window).T @ weights).T @ self._to_effects  # series by reference day
        lags = self._lags(window.numbers)
        factors = np.empty((len(GRID), rows.shape[1]))
        for place, (rho, share) in enumerate(GRID):
            persistent = _persistence(rho, lags)
            within = share * ((persistent @ weights) * weights).sum(axis=0)
            sampling = (1 - share) * self._mean_rows / np.where(total > 0, total, 1.0)
            about = ((of_reference @ self._correlation(place)) * of_reference).sum(axis=1)
            factors[place] = within + sampling + about
        return np.where(total > 0, factors, np.inf)

    @cached_property
    def _correlations(self) -> Floats:
        lags = self._lags(self.days.numbers)
        noise = np.diag(self._mean_rows / self.days.rows)
        return np.stack([share * _persistence(rho, lags) + (1 - share) * noise for rho, share in GRID])

    def _correlation(self, place: int) -> Floats:
        return np.asarray(self._correlations[place])

    def _restricted(self, design: Floats) -> tuple[Floats, Floats]:
        """Return the projection P = R^-1 - R^-1 X (X' R^-1 X)^-1 X' R^-1 and -(log|R| + log|X' R^-1 X|) / 2."""
        inverse = np.linalg.inv(self._correlations)
        seen = inverse @ design
        information = design.T @ seen
        projections = inverse - seen @ np.linalg.solve(information, np.swapaxes(seen, 1, 2))
        constants = -0.5 * (np.linalg.slogdet(self._correlations)[1] + np.linalg.slogdet(information)[1])
        return np.asarray(projections), np.asarray(constants)

    def _lags(self, numbers: np.ndarray[Any, np.dtype[np.int64]]) -> Floats:
        return np.asarray(np.abs(np.subtract.outer(numbers, numbers)) / self._step)

    def _design(self, days: DaysWithRows) -> Floats:
        """Return one row a day; a weekday that the reference hardly has counts as the average of the others."""
        if not self._weekdays:
            return np.ones((len(days.numbers), 1))
        return _on_usual(days.shares, self._weekdays)


def _weekdays(days: DaysWithRows) -> tuple[int, ...]:
    """Return the weekdays that have an effect of their own.

    None if the reference is shorter than four weeks, or if its days do not distinguish the weekdays.
    """
    if len(days.numbers) < _DAYS_FOR_WEEKDAYS:
        return ()
    usual = tuple(int(day) for day in np.flatnonzero(days.shares.sum(axis=0) >= _TIMES_A_WEEKDAY))
    return usual if len(usual) > 1 and _separates_weekdays(_on_usual(days.shares, usual)) else ()


def _on_usual(shares: Floats, usual: Sequence[int]) -> Floats:
    """Return shares of the usual weekdays alone; what lies on others is divided among them."""
    on_usual = shares[:, usual]
    return np.asarray(on_usual + (1.0 - on_usual.sum(axis=1, keepdims=True)) / len(usual))


def _separates_weekdays(design: Floats) -> bool:
    """Return whether the days show each weekday's effect: not where two weekdays always share a day alike."""
    values = np.linalg.svd(design, compute_uv=False)
    return bool(values[-1] > _APART * values[0])


def _persistence(rho: float, lags: Floats) -> Floats:
    return np.asarray(rho**lags if rho else (lags == 0).astype("float64"))


def learn_prior(log_likelihoods: Sequence[Floats]) -> Floats:
    """Return the prior over the grid that all series together make likely.

    Parameters
    ----------
    log_likelihoods
        Grid by series, for each group of series.
    """
    start = prior = starting_prior()
    together = [each for each in log_likelihoods if each.shape[1]]
    if not together:
        return start
    likelihood = _scaled(np.concatenate(together, axis=1))
    for _ in range(_EM_STEPS):
        prior = _LEARNED * weights_of(likelihood, prior).mean(axis=1) + (1 - _LEARNED) * start
    return prior


def posterior(log_likelihood: Floats, prior: Floats) -> Floats:
    """Return the weight of each correlation for each series: grid by series, columns add up to 1."""
    return weights_of(_scaled(log_likelihood), prior)


def weights_of(likelihood: Floats, prior: Floats) -> Floats:
    """Return likelihood times prior, each column divided by its sum."""
    weighted = likelihood * prior[:, None]
    return np.asarray(weighted / weighted.sum(axis=0))


def _scaled(log_likelihood: Floats) -> Floats:
    return np.asarray(np.exp(log_likelihood - log_likelihood.max(axis=0)))


def exceedance(change: Floats, errors: Floats, weights: Floats, degrees: int) -> Floats:
    """Return the probability that a window moves by `change` or more, either way, by itself."""
    tails = scipy.special.stdtr(degrees, -np.abs(change) / np.maximum(errors, 1e-300))
    return np.asarray((weights * 2.0 * tails).sum(axis=0))


def threshold(errors: Floats, weights: Floats, degrees: int, chance: float) -> Floats:
    """Return for each series the change that is reached, either way, with probability `chance` by itself.

    Parameters
    ----------
    errors, weights
        Standard errors and weights: grid by series.
    """
    endless = ~np.isfinite(errors).all(axis=0)
    errors = np.where(np.isfinite(errors), errors, 1.0)
    low = np.zeros(errors.shape[1])
    high = scipy.special.stdtrit(degrees, 1.0 - chance / 4.0) * errors.max(axis=0)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        over = exceedance(middle, errors, weights, degrees) > chance
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    return np.where(endless, np.inf, high)

"""Likelihoods, variances and thresholds agree with dense formulas that are written down another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import betabinom, multivariate_normal
from scipy.stats import t as student

from ml_platform.operations.monitoring.persistence import (
    GRID,
    DaysWithRows,
    PersistenceModel,
    exceedance,
    learn_prior,
    posterior,
    starting_prior,
    threshold,
)
from ml_platform.operations.monitoring.rare_rows import rare_limit, variance_floor


def days(count: int, *, seed: int = 0, step: int = 1, uneven: bool = True) -> DaysWithRows:
    draw = np.random.default_rng(seed)
    rows = draw.integers(20, 200, count) if uneven else np.full(count, 60)
    return DaysWithRows(np.arange(count) * step + 4, rows.astype("float64"))


def correlation(these: DaysWithRows, rho: float, share: float, step: float = 1.0) -> np.ndarray:
    """Return R, one entry after the other."""
    mean_rows = len(these.rows) / sum(1 / n for n in these.rows)
    counts = np.zeros((len(these.rows), len(these.rows)))
    for i, a in enumerate(these.numbers):
        for j, b in enumerate(these.numbers):
            same = i == j
            persistent = float(same) if rho == 0 else rho ** (abs(int(a) - int(b)) / step)
            counts[i, j] = share * persistent + (1 - share) * same * mean_rows / these.rows[i]
    return counts


def design(these: DaysWithRows, weekdays: bool) -> np.ndarray:
    return np.eye(7)[these.numbers % 7] if weekdays else np.ones((len(these.numbers), 1))


@pytest.mark.parametrize(("count", "weekdays"), [(14, False), (35, True)])
def test_the_likelihood_is_the_density_of_error_contrasts(count: int, weekdays: bool) -> None:
    """REML: the density of K'y, K an orthonormal basis of what X leaves, with s2 integrated out under 1/s2."""
    these = days(count)
    x = design(these, weekdays)
    model = PersistenceModel(these)
    basis = np.linalg.svd(x)[0][:, x.shape[1] :]
    series = np.random.default_rng(1).normal(size=(count, 2))
    likelihood = model.log_likelihood(model.squares(series))
    assert model.degrees == count - x.shape[1]
    for column in range(2):
        contrasts = basis.T @ series[:, column]
        expected = []
        for rho, share in GRID:
            covariance = basis.T @ correlation(these, rho, share) @ basis
            q = contrasts @ np.linalg.solve(covariance, contrasts)
            expected.append(-0.5 * np.linalg.slogdet(covariance)[1] - model.degrees / 2 * np.log(q))
        differences = likelihood[:, column] - np.array(expected)
        assert differences == pytest.approx(np.full(len(GRID), differences[0]), abs=1e-8)


def test_the_integral_over_the_variance_is_the_power_of_the_squares() -> None:
    """The closed form above against a numerical integral of the normal density over s2, for two correlations."""
    these = days(10)
    series = np.random.default_rng(2).normal(size=(10, 1))
    model = PersistenceModel(these)
    likelihood = model.log_likelihood(model.squares(series))[:, 0]
    basis = np.linalg.svd(np.ones((10, 1)))[0][:, 1:]
    contrasts = basis.T @ series[:, 0]

    def integral(place: int) -> float:
        covariance = basis.T @ correlation(these, *GRID[place]) @ basis
        density = lambda log_s2: multivariate_normal(cov=covariance * np.exp(log_s2)).pdf(contrasts)  # noqa: E731
        return float(np.log(quad(density, -8, 10, limit=200)[0]))

    assert likelihood[0] - likelihood[14] == pytest.approx(integral(0) - integral(14), abs=1e-5)


@pytest.mark.parametrize("count", [14, 35])
def test_the_variance_of_a_window_is_that_of_the_dense_contrast(count: int) -> None:
    reference = days(count)
    window = DaysWithRows(np.arange(400, 403), np.array([30.0, 90.0, 10.0]))
    model = PersistenceModel(reference)
    factors = model.variance_factors(window, window.rows[:, None])[:, 0]
    weekdays = count >= 28
    x, x0 = design(reference, weekdays), design(window, weekdays)
    w = np.diag(reference.rows)
    weights = window.rows / window.rows.sum()
    to_mean = weights @ x0 @ np.linalg.inv(x.T @ w @ x) @ x.T @ w
    mean_rows = len(reference.rows) / sum(1 / n for n in reference.rows)
    for place, (rho, share) in enumerate(GRID):
        inside = correlation(window, rho, share)
        np.fill_diagonal(inside, share + (1 - share) * mean_rows / window.rows)
        about = to_mean @ correlation(reference, rho, share) @ to_mean
        assert factors[place] == pytest.approx(weights @ inside @ weights + about, rel=1e-10)


def test_weekly_batches_have_weekly_lags_and_no_weekday_effects() -> None:
    these = days(13, step=7, uneven=False)
    model = PersistenceModel(these)
    assert model.degrees == 12
    window = DaysWithRows(np.array([200]), np.array([60.0]))
    factors = model.variance_factors(window, np.array([[60.0]]))
    place = GRID.index((0.7, 1.0))
    ones = correlation(these, 0.7, 1.0, step=7.0).mean()
    assert factors[place, 0] == pytest.approx(1.0 + ones)


def test_a_weekday_that_the_reference_lacks_counts_as_the_average_of_the_others() -> None:
    numbers = np.array([number for number in range(70) if number % 7 < 5])
    model = PersistenceModel(DaysWithRows(numbers, np.full(len(numbers), 50.0)))
    effects = model.weekday_effects((numbers % 7).astype("float64")[:, None])
    assert effects[:, 0] == pytest.approx([0, 1, 2, 3, 4])
    assert model.expected(DaysWithRows(np.array([703, 705]), np.ones(2)), effects)[:, 0] == pytest.approx([3.0, 2.0])


def test_thresholds_solve_the_mixture_of_student_distributions() -> None:
    draw = np.random.default_rng(3)
    errors = draw.uniform(0.1, 2, (len(GRID), 3))
    weights = draw.dirichlet(np.ones(len(GRID)), 3).T
    limit = threshold(errors, weights, 20, 1e-5)
    for column in range(3):

        def beyond(c: float, column: int = column) -> float:
            return float((weights[:, column] * 2 * student.sf(c / errors[:, column], 20)).sum()) - 1e-5

        assert limit[column] == pytest.approx(brentq(beyond, 0, 100), rel=1e-6)
    assert exceedance(limit, errors, weights, 20) == pytest.approx(np.full(3, 1e-5), rel=1e-5)


def test_a_threshold_without_rows_is_infinite() -> None:
    model = PersistenceModel(days(14))
    rows = np.array([[10.0, 0.0], [10.0, 0.0]])
    factors = model.variance_factors(DaysWithRows(np.arange(50, 52), np.ones(2)), rows)
    assert np.isinf(factors[:, 1]).all()
    weights = np.full((len(GRID), 2), 1 / len(GRID))
    limits = threshold(np.sqrt(factors), weights, 13, 1e-4)
    assert np.isfinite(limits[0])
    assert np.isinf(limits[1])


def test_the_learned_prior_is_the_fixed_point_of_expectation_maximization_by_a_loop() -> None:
    draw = np.random.default_rng(4)
    log_likelihood = draw.normal(0, 3, (len(GRID), 12))
    actual = learn_prior([log_likelihood[:, :5], log_likelihood[:, 5:]])
    prior = [(1 - rho) / (2 if rho == 0 else 1) for rho, _ in GRID]
    start = prior = [each / sum(prior) for each in prior]
    for _ in range(30):
        sums = [0.0] * len(GRID)
        for column in range(12):
            each = [p * np.exp(value) for p, value in zip(prior, log_likelihood[:, column], strict=True)]
            sums = [s + e / sum(each) / 12 for s, e in zip(sums, each, strict=True)]
        prior = [0.98 * s + 0.02 * first for s, first in zip(sums, start, strict=True)]
    assert actual == pytest.approx(prior, rel=1e-9)
    assert learn_prior([]) == pytest.approx(starting_prior())
    assert posterior(log_likelihood, actual).sum(axis=0) == pytest.approx(np.ones(12))


def test_many_series_teach_the_prior_what_one_cannot_know() -> None:
    """28 days of 60 series that all are AR(.9): the prior moves from rho 0 to high correlations."""
    draw = np.random.default_rng(5)
    series = np.zeros((28, 60))
    series[0] = draw.normal(size=60)
    for day in range(1, 28):
        series[day] = 0.9 * series[day - 1] + np.sqrt(1 - 0.81) * draw.normal(size=60)
    model = PersistenceModel(days(28, uneven=False))
    prior = learn_prior([model.log_likelihood(model.squares(series))])
    high = [place for place, (rho, _) in enumerate(GRID) if rho >= 0.7]
    assert prior[high].sum() > 0.9 > 0.3 > starting_prior()[high].sum()


@pytest.mark.parametrize(("count", "rows", "window"), [(0, 5400, 420), (3, 5400, 420), (270, 5400, 420), (20, 900, 60)])
def test_the_limit_of_rare_rows_is_the_quantile_of_the_beta_binomial(count: int, rows: int, window: int) -> None:
    chance = 1e-6
    predictive = betabinom(window, count + 0.5, rows - count + 0.5)
    k = next(k for k in range(window + 1) if predictive.sf(k - 1) <= chance)
    assert rare_limit(count, rows, window, chance) == pytest.approx(k / window - count / rows)


def test_rare_rows_without_a_window_or_beyond_it_have_no_limit() -> None:
    assert rare_limit(0, 100, 0, 1e-6) == np.inf
    assert rare_limit(0, 0, 10, 1e-6) == np.inf
    assert rare_limit(40, 100, 2, 1e-6) == np.inf  # two rows of two are no surprise
    assert rare_limit(5000, 10_000, 10_000, 1e-6) == 0.0
    assert variance_floor(0, 5400, 60) == pytest.approx(3 / 5403 * (1 - 3 / 5403) / 60)

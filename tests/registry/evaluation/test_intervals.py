"""Intervals of money, against closed forms and loops written from the formulas."""

import math
from datetime import timedelta
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from ml_platform.registry.evaluation.clusters import shape_of
from ml_platform.registry.evaluation.intervals import earnings
from ml_platform.registry.evaluation.persistence import correlations, grid_of, mixture
from tests.registry.evaluation.dense import POINTS, PRIOR, WITH_HISTORY, day_numbers, dense, dense_points, freedom_of

pytestmark = pytest.mark.slow


def test_without_correlation_equal_days_have_the_interval_of_student():
    draw = np.random.default_rng(1)
    sums, rows = draw.normal(50, 20, 12), np.full(12, 10.0)
    estimate = mixture(sums, rows)
    assert estimate.estimate == pytest.approx((sums / 10).mean())
    assert estimate.errors[0] == pytest.approx((sums / 10).std(ddof=1) / math.sqrt(12))
    assert estimate.freedom == pytest.approx(np.full(15, 11.0))


@pytest.mark.parametrize("rows", [[10, 10, 10, 10], [3, 40, 7, 9, 22, 1, 5, 14, 8], [5] * 30])
def test_the_mixture_is_that_of_dense_matrices(rows):
    draw = np.random.default_rng(len(rows))
    rows = np.array(rows, dtype=float)
    sums = rows * draw.normal(1, 2, len(rows))
    for extra in ((0.0, 1.0), (0.3, 8.0)):
        estimate = mixture(sums, rows, extra=extra)
        expected = np.array(dense_points(sums, rows, *extra))
        assert np.column_stack([estimate.errors, estimate.freedom, estimate.weights]) == pytest.approx(
            expected, rel=1e-7
        )


def test_the_interval_ends_where_the_averaged_t_distributions_leave_two_and_a_half_per_cent():
    draw = np.random.default_rng(3)
    rows = np.array([30, 20, 50, 10, 40, 30.0])
    value, days = draw.normal(2, 3, 180), day_numbers(30, 20, 50, 10, 40, 30)
    sums = np.array([value[days == day].sum() for day in range(6)])
    interval = earnings({"a": value}, days).per_row("a")
    below = sum(
        weight * stats.t.cdf((interval.high - value.mean()) / error, freedom)
        for error, freedom, weight in dense_points(sums, rows, floor=value.var() / 180, floor_freedom=freedom_of(value))
    )
    assert below == pytest.approx(0.975)
    assert interval.high - interval.figure == pytest.approx(interval.figure - interval.low)


def test_interval_and_probability_agree():
    draw = np.random.default_rng(4)
    days, a, b = day_numbers(*[20] * 9), draw.normal(3, 5, 180), draw.normal(2, 5, 180)
    earned = earnings({"a": a, "b": b}, days, entities=draw.integers(0, 30, 180))
    ahead = earned.difference("a", "b")
    assert earned.probability_above("a", "b", ahead.low) == pytest.approx(0.975)
    assert earned.probability_above("a", "b", ahead.high) == pytest.approx(0.025)
    assert earned.probability_above("a", "b", ahead.figure) == pytest.approx(0.5)
    assert earned.probability_above("b", "a", -ahead.low) == pytest.approx(0.025)


def test_earlier_days_weigh_the_correlations():
    draw = np.random.default_rng(5)
    now, past = draw.normal(size=14), draw.normal(size=80)
    earned = earnings({"a": now}, np.arange(14), history=earnings({"a": past}, np.arange(80)))
    weights = np.array([weight for _, _, weight in dense_points(now, np.ones(14), prior=[1] * 15)])
    weights = weights * np.array([weight for _, _, weight in dense(past, np.ones(80), POINTS, WITH_HISTORY)])
    errors = [(error, freedom) for error, freedom, _ in dense_points(now, np.ones(14))]
    above = sum(
        weight * stats.t.sf((0.2 - now.mean()) / error, freedom)
        for (error, freedom), weight in zip(errors, weights / weights.sum(), strict=True)
    )
    assert earned._of("a", None).mixture.probability_above(0.2) == pytest.approx(above)
    wide = earnings({"a": now}, np.arange(14)).per_row("a")
    assert earned.per_row("a").high < wide.high, "independent days before make it plausible that these are"
    short = earnings({"a": now}, np.arange(14), history=earnings({"a": past[:59]}, np.arange(59)))
    assert short.per_row("a").high == wide.high, "59 days are not enough"


def test_labels_that_span_several_days_overlap():
    """A sum over three days shares two of them with the sum that begins a day later, and one with the next."""
    draw = np.random.default_rng(20)
    luck = draw.normal(size=22)
    now = np.convolve(luck, np.ones(3), "valid")
    days = np.datetime64("2024-03-01") + np.arange(20)
    points = [*POINTS, *((share, "spans 3") for share in (0.97, 0.9, 0.65))]
    expected = dense(now, np.ones(20), points, [*PRIOR, 6, 6, 6], floor=now.var() / 20, floor_freedom=freedom_of(now))
    earned = earnings({"a": now}, days, horizon=timedelta(days=3))
    for threshold in (-1.0, 0.0, now.mean() + 0.3):
        above = sum(
            weight * stats.t.sf((threshold - now.mean()) / error, freedom) for error, freedom, weight in expected
        )
        assert earned._of("a", None).mixture.probability_above(threshold) == pytest.approx(above)
    assert sum(weight for _, _, weight in expected[-3:]) > 0.5
    texts = earnings({"a": now}, np.datetime_as_string(days), horizon=timedelta(days=3))
    assert texts.per_row("a") == earned.per_row("a")


@pytest.mark.parametrize(
    ("apart", "horizon"), [(7, timedelta(days=7)), (1, timedelta(hours=24)), (1, timedelta(hours=2))]
)
def test_labels_that_end_before_the_next_batch_do_not_overlap(apart, horizon):
    value = np.random.default_rng(21).normal(size=10)
    days = np.datetime64("2024-03-01") + apart * np.arange(10)
    assert earnings({"a": value}, days, horizon=horizon).per_row("a") == earnings({"a": value}, days).per_row("a")


def test_the_variance_of_rows_is_known_the_better_the_lighter_their_tails():
    """The variance of n rows is that of n squares: it varies like one with the degrees of freedom that are given."""
    draw = np.random.default_rng(23)
    for rows in (draw.normal(size=(4000, 200)), draw.exponential(size=(4000, 200))):
        variances = rows.var(axis=1)
        varies = 2 * variances.mean() ** 2 / variances.var()
        assert shape_of([rows.ravel()], 10.0).freedom() / 4000 == pytest.approx(varies, rel=0.1)
    assert shape_of([np.array([1.0, -1.0] * 50)], 1.0).freedom() == 100, "never more than rows"
    assert shape_of([np.zeros(5)], 0.0).freedom() == 1.0


def test_moments_are_those_of_fractions_on_any_number_of_threads():
    """BLAS divides products of more than 10,000 numbers among its threads, and adds them up in another order."""
    rows = np.random.default_rng(29).normal(100.0, 30.0, size=20_480)
    mean = sum(map(Fraction, rows.tolist())) / len(rows)
    expected = [float(sum((Fraction(row) - mean) ** power for row in rows.tolist()) / len(rows)) for power in (2, 3, 4)]
    shapes = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            shapes.append(shape_of([rows[:12_288], rows[12_288:]], 300.0))
    assert shapes[0] == shapes[1]
    assert [shapes[0].second, shapes[0].third, shapes[0].fourth] == pytest.approx(expected, rel=1e-9)


def test_the_variance_of_repeated_entities_is_that_of_a_loop_over_pairs_of_rows():
    draw = np.random.default_rng(6)
    days, entities = draw.integers(0, 6, 90), draw.integers(0, 12, 90)
    value = draw.normal(size=12)[entities] + draw.normal(size=90)
    off = value - value.mean()
    by_entity = sum(off[i] * off[j] for i in range(90) for j in range(90) if entities[i] == entities[j])
    same = (entities[:, None] == entities) & (days[:, None] == days)
    by_cell = sum(off[i] * off[j] for i in range(90) for j in range(90) if same[i, j])
    of_entity = 90**2 / sum((entities == one).sum() ** 2 for one in range(12))
    of_cell = 90**2 / sum(((entities == one) & (days == day)).sum() ** 2 for one in range(12) for day in range(6))
    expected = by_entity / 90**2 * of_entity / (of_entity - 1) - by_cell / 90**2 * of_cell / (of_cell - 1)
    earned = earnings({"a": value}, days, entities)
    assert expected > 0
    assert earned._entities("a", None, value.mean()) == pytest.approx((expected, of_entity - 1))
    interval = earned.per_row("a")
    assert interval.entities == 12
    assert interval.effective_entities == pytest.approx(of_entity)


def test_entities_that_come_once_change_nothing():
    draw = np.random.default_rng(7)
    value, days = draw.normal(size=100), day_numbers(*[10] * 10)
    assert earnings({"a": value}, days, np.arange(100)).per_row("a") == earnings({"a": value}, days).per_row("a")


def test_four_batches_of_the_same_households_have_the_error_of_households():
    """One date's luck moves nothing here, so that resampling whole households is right: it is the oracle."""
    draw = np.random.default_rng(8)
    households, dates = 2469, 4
    factors = draw.gamma(0.5, 26.0, households)  # what a household is worth a date, mean 13
    value = (factors[:, None] + draw.normal(0, 5, (households, dates))).T.ravel()
    days, entities = np.repeat(np.arange(dates), households), np.tile(np.arange(households), dates)
    total = earnings({"a": value}, days, entities).per_row("a").times(households)
    of_household = value.reshape(dates, households).mean(axis=0)
    resampled = draw.choice(of_household, (2000, households)).mean(axis=1) * households
    low, high = np.quantile(resampled, [0.025, 0.975])
    assert total.low == pytest.approx(low, abs=0.35 * (high - low))
    assert total.high == pytest.approx(high, abs=0.35 * (high - low))
    assert 0.9 < (total.high - total.low) / (high - low) < 1.7
    fixed = earnings({"a": value}, days, entities, fixed=True).per_row("a").times(households)
    assert fixed.high - fixed.low < 0.7 * (high - low), "without the entities it is far too narrow"


def test_days_that_move_together_widen_the_interval():
    draw = np.random.default_rng(9)
    by_day = draw.normal(0, 1, 30)
    together, days = np.repeat(by_day, 50), day_numbers(*[50] * 30)
    wide = earnings({"a": together}, days).per_row("a")
    narrow = earnings({"a": draw.permutation(together)}, days).per_row("a")
    assert wide.high - wide.low > 4 * (narrow.high - narrow.low)


def test_neighboring_days_that_resemble_each_other_are_worth_fewer_days():
    draw = np.random.default_rng(10)
    level = np.zeros(60)
    for day in range(1, 60):
        level[day] = 0.9 * level[day - 1] + draw.normal()
    ordered = earnings({"a": level}, np.arange(60)).per_row("a")
    shuffled = earnings({"a": draw.permutation(level)}, np.arange(60)).per_row("a")
    assert ordered.effective_days < 10
    assert shuffled.effective_days > 30
    assert ordered.high - ordered.low > 2 * (shuffled.high - shuffled.low)


def test_effective_days_are_those_of_their_correlation_and_size():
    grid = grid_of(3)
    for point, lagged in enumerate(correlations(3)):
        assert grid.spread[point] == pytest.approx(3 + 4 * lagged[1] + 2 * lagged[2])
    sums, rows = np.array([1.0, 4.0, 2.0, 3.0]), np.array([10.0, 10.0, 10.0, 30.0])
    interval = earnings({"a": np.repeat(sums / rows, rows.astype(int))}, day_numbers(10, 10, 10, 30)).per_row("a")
    weights = [weight for _, _, weight in dense_points(sums, rows)]
    spread = sum(weight * one / 4 for weight, one in zip(weights, grid_of(4).spread, strict=True))
    assert interval.effective_days == pytest.approx(60**2 / (3 * 100 + 900) / spread)


def test_differences_are_paired_so_that_what_both_share_cancels():
    draw = np.random.default_rng(11)
    shared = np.repeat(draw.normal(0, 100, 20), 10)
    earned = earnings({"a": shared + 1.0, "b": shared}, day_numbers(*[10] * 20))
    ahead = earned.difference("a", "b")
    assert (ahead.low, ahead.figure, ahead.high) == pytest.approx((1.0, 1.0, 1.0))
    assert earned.probability_above("a", "b") == pytest.approx(1.0)
    assert earned.probability_above("b", "a") == pytest.approx(0.0)


def test_equal_earnings_are_not_better_but_not_worse_by_the_margin():
    value = np.array([1.0, 2.0, 3.0, 4.0])
    earned = earnings({"a": value, "b": value.copy()}, np.arange(4))
    assert earned.probability_above("a", "b") == pytest.approx(0.0)
    assert earned.probability_above("a", "b", -0.005 * abs(earned.figures["b"])) == pytest.approx(1.0)
    assert earned.probability_above("a", "b", -0.01) == pytest.approx(1.0)


def test_the_margin_is_a_share_of_what_the_other_earns_also_where_that_is_a_loss():
    earned = earnings({"a": np.full(5, -10.2), "b": np.full(5, -10.0)}, np.arange(5))
    assert earned.probability_above("a", "b", -0.01 * abs(earned.figures["b"])) == pytest.approx(0.0)
    assert earned.probability_above("a", "b", -0.03 * abs(earned.figures["b"])) == pytest.approx(1.0)


def test_the_same_rows_give_the_same_interval():
    value = np.random.default_rng(12).normal(size=50)
    first = earnings({"a": value}, day_numbers(*[5] * 10)).per_row("a")
    assert earnings({"a": value}, day_numbers(*[5] * 10)).per_row("a") == first


def test_payoffs_that_differ_by_the_rounding_of_a_sum_earn_the_same():
    """0.1 + 0.2 is 5e-17 more than 0.3; a millionth of the payoff more is more."""
    draw = np.random.default_rng(24)
    scale, days = draw.integers(1, 9, 600).astype(float), day_numbers(*[20] * 30)
    values = {"sum": scale * (0.1 + 0.2), "plain": scale * 0.3, "more": scale * 0.3000003}
    assert (values["sum"] > values["plain"]).mean() > 0.5
    earned = earnings(values, days)
    assert earned.difference("sum", "plain").figure == 0.0
    assert earned.probability_above("sum", "plain") == 0.0
    assert earned.difference("more", "plain").figure == pytest.approx(3e-7 * scale.mean())
    assert earned.probability_above("more", "plain") > 0.99

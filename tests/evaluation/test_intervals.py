import numpy as np
import pytest

from ml_platform.evaluation.intervals import earnings


def _days(*rows_per_day):
    return np.repeat(np.arange(len(rows_per_day)), rows_per_day)


def test_draws_are_those_of_a_naive_loop_over_days_and_rows():
    draw = np.random.default_rng(1)
    days = _days(3, 1, 4, 2)
    values = {"a": draw.normal(size=10), "b": draw.normal(size=10)}
    found = earnings(values, days)
    times = np.random.default_rng(0).multinomial(4, [0.25] * 4, size=2000)
    for index in (0, 1, 999, 1999):
        for name, value in values.items():
            total = rows = 0.0
            for day in range(4):
                for _ in range(times[index, day]):
                    total += sum(value[days == day])
                    rows += sum(days == day)
            assert found.draws[name][index] == pytest.approx(total / rows)


def test_the_interval_of_a_mean_over_many_days_is_the_normal_one():
    draw = np.random.default_rng(2)
    value = draw.normal(5, 2, 400)  # one row a day, so the days are independent rows
    interval = earnings({"a": value}, np.arange(400)).per_row("a")
    half = 1.96 * value.std() / np.sqrt(400)
    assert interval.figure == pytest.approx(value.mean())
    assert interval.low == pytest.approx(value.mean() - half, abs=0.03)
    assert interval.high == pytest.approx(value.mean() + half, abs=0.03)


def test_days_that_move_together_widen_the_interval():
    draw = np.random.default_rng(3)
    by_day = draw.normal(0, 1, 30)
    together, days = np.repeat(by_day, 50), _days(*[50] * 30)
    wide = earnings({"a": together}, days).per_row("a")
    narrow = earnings({"a": draw.permutation(together)}, days).per_row("a")
    assert wide.high - wide.low > 4 * (narrow.high - narrow.low)


def test_differences_are_paired_so_that_what_both_share_cancels():
    draw = np.random.default_rng(4)
    shared = np.repeat(draw.normal(0, 100, 20), 10)
    found = earnings({"a": shared + 1.0, "b": shared}, _days(*[10] * 20))
    ahead = found.difference("a", "b")
    assert (ahead.low, ahead.figure, ahead.high) == pytest.approx((1.0, 1.0, 1.0))
    assert found.probability_better("a", "b") == 1.0
    assert found.probability_better("b", "a") == 0.0


def test_equal_earnings_are_not_better_but_not_worse_by_the_margin():
    value = np.array([1.0, 2.0, 3.0, 4.0])
    found = earnings({"a": value, "b": value.copy()}, np.arange(4))
    assert found.probability_better("a", "b") == 0.0
    assert found.probability_better("a", "b", margin=0.005) == 1.0


def test_the_margin_is_a_share_of_what_the_other_earns_also_where_that_is_a_loss():
    found = earnings({"a": np.full(5, -10.2), "b": np.full(5, -10.0)}, np.arange(5))
    assert found.probability_better("a", "b", margin=0.01) == 0.0
    assert found.probability_better("a", "b", margin=0.03) == 1.0


def test_the_same_rows_give_the_same_interval():
    value = np.random.default_rng(5).normal(size=50)
    first = earnings({"a": value}, _days(*[5] * 10)).per_row("a")
    assert earnings({"a": value}, _days(*[5] * 10)).per_row("a") == first


def test_one_day_has_an_interval_without_width():
    interval = earnings({"a": np.array([1.0, 3.0])}, np.array([7, 7])).per_row("a")
    assert (interval.low, interval.figure, interval.high) == (2.0, 2.0, 2.0)

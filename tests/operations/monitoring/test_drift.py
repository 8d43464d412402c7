"""Verdicts: planted changes are found, levels that move by themselves are not, and nothing alarms out of noise."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from ml_platform.declarations.in_production import Monitoring
from ml_platform.operations.monitoring.column_scale import scale_of
from ml_platform.operations.monitoring.drift import drift_in_words, window_days
from ml_platform.operations.monitoring.smallest_change import smallest_shift
from ml_platform.operations.monitoring.window_test import SeriesTest, alarm_chance
from tests.operations.monitoring.drawn_columns import column, look, normal, reference_of


def test_an_integer_that_is_zero_or_one_drifts_when_its_shares_are_exchanged() -> None:
    draw = np.random.default_rng(4)
    before = pd.DataFrame({"x": pd.Series((draw.random(28 * 70) < 0.05).astype(int), dtype="Int64")})
    now = pd.DataFrame({"x": pd.Series((draw.random(3 * 170) < 0.95).astype(int), dtype="Int64")})
    settings = Monitoring.model_validate({"window": "3d", "min_rows": 50})
    compared = column(look(reference_of(before, 70), now, 170, settings=settings))
    assert (compared.verdict, compared.what) == ("drifted", "share of 1")
    assert (compared.expected, compared.mean) == pytest.approx((0.05, 0.95), abs=0.02)
    assert compared.moved == "0: 94.7% -> 6.9%"


@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_a_constant_column_that_moves_either_way_has_drifted(shift: float) -> None:
    reference = reference_of(pd.DataFrame({"x": [5.0] * 60 * 28}))
    assert look(reference, pd.DataFrame({"x": [5.0 + shift] * 420})).verdict == "drift"
    assert look(reference, pd.DataFrame({"x": [5.0] * 420})).verdict == "stable"


def test_one_strange_row_in_a_constant_column_is_no_drift_and_a_tenth_of_them_is() -> None:
    reference = reference_of(pd.DataFrame({"x": [5.0] * 60 * 90}))
    assert look(reference, pd.DataFrame({"x": [7.0] + [5.0] * 419})).verdict == "stable"
    assert look(reference, pd.DataFrame({"x": [7.0] * 42 + [5.0] * 378})).verdict == "drift"


def test_missing_values_are_detected_where_there_were_none() -> None:
    now = normal(7, seed=2)
    now.loc[::20, "x"] = np.nan
    compared = column(look(reference_of(normal(90)), now))
    assert (compared.verdict, compared.what, compared.current_missing) == ("drifted", "missing", 0.05)
    assert compared.moved == "missing: 0.0% -> 5.0%"


def test_a_category_that_is_new_has_a_share() -> None:
    reference = reference_of(pd.DataFrame({"x": ["a", "b"] * 30 * 28}))
    compared = column(look(reference, pd.DataFrame({"x": ["a", "b", "a", "b", "new"] * 84})))
    assert (compared.verdict, compared.what) == ("drifted", "share of new or rare")
    assert compared.mean == pytest.approx(0.2)


def named(numbers: np.ndarray, prefix: str = "shop") -> pd.DataFrame:
    return pd.DataFrame({"x": [f"{prefix}{number}" for number in numbers]})


@pytest.mark.parametrize("seed", range(3))
def test_many_equally_frequent_values_that_are_all_new_or_of_which_one_remains_are_drift(seed: int) -> None:
    draw = np.random.default_rng(seed)
    reference = reference_of(named(draw.integers(0, 400, 60 * 90)))
    same = look(reference, named(draw.integers(0, 400, 420)))
    assert (same.verdict, column(same).verdict) == ("stable", "not drifted")
    new = column(look(reference, named(draw.integers(0, 400, 420), "branch")))
    assert (new.verdict, new.what) == ("drifted", "share of values that the reference never had")
    assert (new.expected, new.mean) == pytest.approx((0.0, 1.0), abs=0.01)  # each quarter has every value 3 times
    assert column(look(reference, named(np.full(420, 399)))).verdict == "drifted"
    tenth = np.where(draw.random(420) < 0.1, 1000 + np.arange(420), draw.integers(0, 400, 420))
    assert column(look(reference, named(tenth))).verdict == "drifted"


@pytest.mark.parametrize(
    ("days", "as_before", "all_new"), [(90, "not drifted", "drifted"), (28, "inconclusive", "inconclusive")]
)
def test_values_of_which_most_are_new_drift_where_all_are_or_have_no_verdict(
    days: int, as_before: str, all_new: str
) -> None:
    """Of 30,000 values, 420 rows repeat about 63 of 90 days with 60 rows, but only 17 of 28 days."""
    draw = np.random.default_rng(3)
    reference = reference_of(pd.DataFrame({"x": [f"v{each}" for each in draw.integers(0, 30_000, days * 60)]}))
    for prefix, verdict in (("v", as_before), ("w", all_new)):
        now = pd.DataFrame({"x": [f"{prefix}{each}" for each in draw.integers(0, 30_000, 420)]})
        assert column(look(reference, now)).verdict == verdict


def test_values_that_are_new_every_day_have_no_verdict() -> None:
    draw = np.random.default_rng(1)
    reference = reference_of(named(draw.integers(0, 2**60, 60 * 90)))
    assert column(look(reference, named(draw.integers(0, 2**60, 420)))).verdict == "inconclusive"


@pytest.mark.parametrize("later", [0, 60])
def test_values_that_live_for_weeks_move_by_themselves(later: int) -> None:
    draw = np.random.default_rng(2)
    days = [draw.integers(5 * day, 5 * day + 100, 60) for day in (*range(90), *range(90 + later, 97 + later))]
    reference = reference_of(named(np.concatenate(days[:90])))
    assert column(look(reference, named(np.concatenate(days[90:])))).verdict == "inconclusive"


def test_too_few_rows_give_no_verdict_on_any_column() -> None:
    reference = reference_of(normal(30))
    result = look(reference, pd.DataFrame({"x": np.full(98, 5000.0)}), rows=14)
    assert (result.verdict, result.reason) == ("too few rows", "98 rows in the current window, fewer than 100")
    assert (result.drifted, column(result).verdict) == ((), "too few rows")
    nothing = look(reference, normal(0))
    assert (nothing.verdict, nothing.rows) == ("too few rows", 0)


def level(days: int, rho: float, seed: int, rows: int = 60) -> np.ndarray:
    """Return one level a day, AR(1) with standard deviation 1, for each of a day's rows."""
    draw = np.random.default_rng(seed)
    interval = draw.normal(size=days)
    for day in range(1, days):
        interval[day] = rho * interval[day - 1] + math.sqrt(1 - rho**2) * interval[day]
    return np.repeat(interval, rows)


def test_a_level_that_moves_by_itself_gives_no_verdict_and_the_smallest_shift_that_would_be_seen() -> None:
    draw = np.random.default_rng(6)
    frame = pd.DataFrame(
        {f"x{number}": level(97, 0.7, number) + 0.3 * draw.normal(size=97 * 60) for number in range(8)}
    )
    frame["x"] = draw.normal(size=len(frame))
    reference = reference_of(frame[: 90 * 60])
    now = frame[90 * 60 :].reset_index(drop=True)
    result = look(reference, now, first=90)
    verdicts = {each.column: each.verdict for each in result.columns}
    assert verdicts == {**{f"x{number}": "inconclusive" for number in range(8)}, "x": "not drifted"}
    assert (result.verdict, result.reason) == ("stable", "none of 9 columns drifted, no verdict for 8")
    compared = column(result, "x3")
    assert "moves by itself" in compared.note
    smallest = float(compared.smallest_visible.partition("a shift by ")[2].partition(";")[0])
    assert 1.5 < smallest < 8
    assert look(reference, now.assign(x3=now["x3"] - now["x3"].mean() + smallest * 1.3), first=90).verdict == "drift"


def test_the_smallest_shift_of_a_normal_column_is_that_of_the_closed_form() -> None:
    """A shift d of a standard normal moves the mean rank from 1/2 to Phi(d / sqrt(2))."""
    values = norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    scale = scale_of(pd.Series(values))
    series = scale.series("x")[1]
    for threshold in (0.05, 0.2):
        test = SeriesTest(series, 0.5, 0.5, threshold, 100)
        assert smallest_shift(scale, test) == pytest.approx(math.sqrt(2) * norm.ppf(0.5 + threshold), rel=0.02)
    assert smallest_shift(scale, SeriesTest(series, 0.5, 0.5, 0.6, 100)) is None


def test_scores_are_watched_as_features_are() -> None:
    frame, scores = normal(30), pd.DataFrame({"score": np.random.default_rng(5).random(30 * 60)})
    reference = reference_of(frame, scores=scores)
    now = normal(7, seed=4).assign(score=np.random.default_rng(6).random(420) ** 3)
    result = look(reference, now)
    assert (result.verdict, result.reason) == (
        "drift",
        "1 of 2 columns drifted, 1 did not; the score has drifted (score)",
    )
    assert [each.role for each in result.columns] == ["score", "feature"]


def test_the_column_nearest_to_its_threshold_comes_first_with_its_figures_in_words() -> None:
    now = normal(7, columns=3, seed=7)
    result = look(reference_of(normal(90, columns=3)), now.assign(y0=now["y0"] + 0.8))
    assert result.columns[0].column == "y0"
    assert [each.ratio for each in result.columns] == sorted((each.ratio for each in result.columns), reverse=True)
    assert drift_in_words(result.columns[0]).startswith(result.columns[0].what)
    assert "by itself at most" in drift_in_words(result.columns[0])


def test_the_alarm_budget_is_divided_among_series_windows_and_looks() -> None:
    # One alarm a year over 150 series, 365 / 7 windows and 10 looks each.
    assert alarm_chance(150, 7) == pytest.approx(1 / (150 * 365 / 7 * 10))
    assert [window_days(timedelta(hours=hours)) for hours in (1, 24, 25, 168)] == [1, 1, 2, 7]


def test_a_verdict_has_the_same_bits_on_any_number_of_threads() -> None:
    """BLAS divides products of matrices of this size among threads: the last bits of some sums are others then."""
    draw = np.random.default_rng(31)
    names = [f"x{place}" for place in range(63)]
    kept, current = (pd.DataFrame(draw.normal(size=(days * 60, len(names))), columns=names) for days in (91, 7))
    figures = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            reference = reference_of(kept)
            ratios = [(item.column, item.ratio) for item in look(reference, current).columns]
            figures.append((reference.test.prior.tolist(), ratios))
    assert figures[0] == figures[1]

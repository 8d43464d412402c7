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
from ml_platform.operations.monitoring.drift import (
    REFERENCE_DAYS,
    compare,
    day_numbers,
    drift_in_words,
    summarize_reference,
    summarize_window,
    window_days,
)
from ml_platform.operations.monitoring.drift_result import ColumnDrift, DriftReference, DriftResult
from ml_platform.operations.monitoring.smallest_change import smallest_shift
from ml_platform.operations.monitoring.window_test import SeriesTest, alarm_chance

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


def test_values_that_are_new_every_day_are_no_drift() -> None:
    draw = np.random.default_rng(1)
    reference = reference_of(named(draw.integers(0, 2**60, 60 * 90)))
    assert column(look(reference, named(draw.integers(0, 2**60, 420)))).verdict == "not drifted"


@pytest.mark.parametrize("later", [0, 60])
def test_values_that_live_for_weeks_move_by_themselves(later: int) -> None:
    draw = np.random.default_rng(2)
    days = [draw.integers(5 * day, 5 * day + 100, 60) for day in (*range(90), *range(90 + later, 97 + later))]
    reference = reference_of(named(np.concatenate(days[:90])))
    assert column(look(reference, named(np.concatenate(days[90:])))).verdict == "cannot tell"


def test_too_few_rows_give_no_verdict_on_any_column() -> None:
    reference = reference_of(normal(30))
    result = look(reference, pd.DataFrame({"x": np.full(98, 5000.0)}), rows=14)
    assert (result.verdict, result.reason) == ("too few rows", "98 rows in the current window, fewer than 100")
    assert (result.drifted, column(result).verdict) == ((), "too few rows")
    nothing = look(reference, normal(0))
    assert (nothing.verdict, nothing.rows) == ("too few rows", 0)


def test_a_reference_of_a_week_gives_no_verdict() -> None:
    compared = column(look(reference_of(normal(7)), normal(7, seed=2)))
    assert (compared.verdict, compared.note) == (
        "cannot tell",
        "the reference has values on 7 days, at least 8 are needed",
    )
    assert look(reference_of(normal(7)), normal(7, seed=2)).verdict == "cannot tell"


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
    assert verdicts == {**{f"x{number}": "cannot tell" for number in range(8)}, "x": "not drifted"}
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


def test_a_weekday_that_differs_is_no_drift_in_a_window_of_three_days() -> None:
    draw = np.random.default_rng(8)
    day = np.repeat(np.arange(91), 60)
    weekend = np.where(np.isin(day % 7, (5, 6)), 2.0, 0.0)
    frame = pd.DataFrame({"x": weekend + draw.normal(size=len(day))})
    reference = reference_of(frame)
    three = Monitoring.model_validate({"window": "3d", "min_rows": 100})
    saturday = pd.DataFrame({"x": np.repeat([2.0, 2.0, 0.0], 60) + draw.normal(size=180)})  # 2024-01-06 is a Saturday
    assert look(reference, saturday, first=96, settings=three).verdict == "stable"
    assert look(reference, saturday, first=98, settings=three).verdict == "drift"  # as if Monday were one


def test_a_first_day_that_is_not_whole_is_excluded() -> None:
    draw = np.random.default_rng(9)
    hour = np.tile(np.arange(60) * 24 // 60, 30)
    reference = reference_of(pd.DataFrame({"x": 3.0 * (hour < 6) + draw.normal(size=len(hour))}))
    assert reference.batches_a_day == 24
    night = pd.DataFrame({"x": 3.0 + draw.normal(size=200)})
    times = pd.Series([START + timedelta(days=40, hours=5)] * 200)
    began, now = ((START + timedelta(days=40, hours=hours)).to_pydatetime() for hours in (0, 6))
    current = summarize_window(reference, night, times, began, now)
    assert compare(reference, current, LIMITS).verdict == "too few rows"
    daily = reference_of(night[:40], 1, times=instants(40, 1))
    assert daily.batches_a_day == 1
    assert summarize_window(daily, night, times, began, now).rows == 200


def test_weekly_batches_are_compared_with_weeks() -> None:
    draw = np.random.default_rng(10)
    weeks = np.repeat(np.arange(26), 300)
    times = pd.Series(START + pd.to_timedelta(weeks * 7, "D"))
    frame = pd.DataFrame({"x": draw.normal(size=len(weeks))})
    reference = summarize_reference((frame, times), (frame[[]][:0], times[:0]))
    assert reference.days == {"x": 26}

    def verdict(shift: float) -> str:
        rows = pd.DataFrame({"x": shift + draw.normal(size=300)})
        batch = START + timedelta(days=7 * 30)
        now = (batch + timedelta(hours=3)).to_pydatetime()
        current = summarize_window(reference, rows, pd.Series([batch] * 300), now - 7 * DAY, now)
        return compare(reference, current, LIMITS).verdict

    assert verdict(0.0) == "stable"
    assert verdict(0.7) == "drift"


def test_days_without_rows_and_uneven_days_do_no_harm() -> None:
    draw = np.random.default_rng(11)
    counts = draw.integers(0, 4, 98) * 40
    times = pd.Series(START + pd.to_timedelta(np.repeat(np.arange(98), counts), "D"))
    frame = pd.DataFrame({"x": draw.normal(size=len(times)), "y": draw.choice(["a", "b", "c"], len(times))})
    head = (times < START + timedelta(days=91)).to_numpy()
    reference = summarize_reference((frame[head], times[head]), (frame[[]][:0], times[:0]))
    end = (START + timedelta(days=97)).to_pydatetime()
    for shift, expected in ((0.0, "stable"), (1.0, "drift")):
        rows = (frame[~head].assign(x=frame["x"] + shift)).reset_index(drop=True)
        current = summarize_window(reference, rows, times[~head].reset_index(drop=True), end - 7 * DAY, end)
        assert compare(reference, current, LIMITS).verdict == expected


def test_the_reference_is_the_last_days_with_rows() -> None:
    frame = normal(120)
    frame.loc[: 29 * 60 - 1, "x"] += 50.0
    reference = reference_of(frame)
    assert reference.days == {"x": REFERENCE_DAYS}
    assert look(reference, normal(7, seed=3), first=120).verdict == "stable"


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


def test_days_end_where_the_window_ends_and_bear_the_weekday_of_most_of_their_hours() -> None:
    end = (START + timedelta(days=4, hours=6)).to_pydatetime()  # Friday 06:00: the day since Thursday 06:00
    times = pd.Series([START + timedelta(days=4, hours=6), START + timedelta(days=3, hours=6, minutes=1)])
    days = day_numbers(times, end)
    thursday = (START + timedelta(days=3)).date().toordinal() - pd.Timestamp(0).date().toordinal()
    assert days.tolist() == [thursday, thursday]
    assert day_numbers(times - DAY, end).tolist() == [thursday - 1, thursday - 1]


def daily_batch(first: int, days: int, hour: int = 6) -> tuple[pd.DataFrame, pd.Series]:
    """Return flags of a morning batch: 100 rows with 20 % on workdays, 10 with 80 % at weekends. START is a Monday."""
    parts, times = [], []
    for day in range(first, first + days):
        rows, ones = (10, 8) if day % 7 >= 5 else (100, 20)
        parts.append(np.arange(rows) < ones)
        times += [START + timedelta(days=day, hours=hour)] * rows
    return pd.DataFrame({"flag": np.concatenate(parts).astype("float64")}), pd.Series(times)


@pytest.mark.parametrize("hour", [7, 11, 13, 20])
def test_a_morning_batch_is_compared_with_the_same_weekdays_whenever_it_is_looked_at(hour: int) -> None:
    # A week has 5 x 20 + 2 x 8 ones among 5 x 100 + 2 x 10 rows; Saturday and Sunday alone have 16 of 20.
    frame, times = daily_batch(0, 70)
    reference = reference_of(frame, times=times)
    for days, last, share in ((7, 80, 116 / 520), (2, 76, 16 / 20)):  # day 76 is a Sunday
        rows, instants_of = daily_batch(last - days + 1, days)
        end = (START + timedelta(days=last, hours=hour)).to_pydatetime()
        current = summarize_window(reference, rows, instants_of, end - timedelta(days=days), end)
        result = compare(reference, current, Monitoring(window=timedelta(days=days), min_rows=10))
        assert not result.drifted
        (ones,) = (test for test in reference.test.look(current.daily, 0.01) if test.series.value == "1")
        assert ones.mean == pytest.approx(share)
        assert ones.expected == pytest.approx(share)


def test_a_day_of_24_hours_is_as_much_of_a_weekday_as_its_rows_are() -> None:
    # Three rows on Friday 18:00 and one on Saturday 08:00 are one day for a look on Saturday 13:00.
    times = pd.Series([START + timedelta(days=4, hours=18)] * 3 + [START + timedelta(days=5, hours=8)])
    end = (START + timedelta(days=5, hours=13)).to_pydatetime()
    frame, before = daily_batch(0, 28)
    rows = pd.DataFrame({"flag": [0.0, 1.0, 0.0, 1.0]})
    daily = summarize_window(reference_of(frame, times=before), rows, times, end - DAY, end).daily
    friday = (START + timedelta(days=4)).date().toordinal() - pd.Timestamp(0).date().toordinal()
    expected = np.zeros(7)
    expected[[friday % 7, (friday + 1) % 7]] = 0.75, 0.25
    assert daily.weekdays is not None
    assert daily.weekdays.tolist() == [expected.tolist()]


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

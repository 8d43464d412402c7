"""Which days drift compares: weekdays with weekdays, days that are not whole, without rows or of other sizes."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from ml_platform.declarations.in_production import Monitoring
from ml_platform.operations.monitoring.drift import (
    REFERENCE_DAYS,
    compare,
    day_numbers,
    summarize_reference,
    summarize_window,
)
from tests.operations.monitoring.drawn_columns import DAY, LIMITS, START, column, instants, look, normal, reference_of


def test_a_reference_of_a_week_gives_no_verdict() -> None:
    compared = column(look(reference_of(normal(7)), normal(7, seed=2)))
    assert (compared.verdict, compared.note) == (
        "inconclusive",
        "the reference has values on 7 days, at least 8 are needed",
    )
    assert look(reference_of(normal(7)), normal(7, seed=2)).verdict == "inconclusive"


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

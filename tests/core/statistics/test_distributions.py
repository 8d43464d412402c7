"""How values are spread over time, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from ml_platform.core.statistics.distributions import Distribution, Spread, distribution

MONDAY = datetime(2024, 1, 1, 12, tzinfo=UTC)  # a Monday


def spread(values: list[Any], days: list[float], kind: pa.DataType | None = None) -> Distribution | None:
    ticks = pa.chunked_array([[MONDAY + timedelta(days=day) for day in days]], pa.timestamp("us", tz="UTC"))
    return distribution(pa.chunked_array([values], kind), ticks)


def test_a_number_has_its_median_between_the_tenth_and_the_ninetieth_percent_by_day() -> None:
    values = [float(value) for value in range(11)]  # 0 to 10: 10 % is 1, the middle 5, 90 % is 9
    estimate = spread([*values, 7.0], [0.0] * 11 + [2.0])
    assert estimate is not None
    assert (estimate.kind, estimate.step) == ("number", "day")
    rows = [(period.start, period.spread) for period in estimate.periods]
    assert rows == [
        ("2024-01-01", Spread(1.0, 5.0, 9.0)),
        ("2024-01-02", None),
        ("2024-01-03", Spread(7.0, 7.0, 7.0)),
    ]


def test_from_sixty_days_on_periods_are_weeks_that_begin_on_mondays() -> None:
    estimate = spread([1, 2, 3], [6, 7, 62])  # Sunday, the Monday after, and a Sunday eight weeks later
    assert estimate is not None
    assert estimate.step == "day"
    estimate = spread([1, 2, 3], [0, 7, 62])
    assert estimate is not None
    assert (estimate.step, len(estimate.periods)) == ("week", 9)
    filled = {period.start: period.spread.median for period in estimate.periods if period.spread}
    assert filled == {"2024-01-01": 1.0, "2024-01-08": 2.0, "2024-02-26": 3.0}


def test_midnight_belongs_to_the_day_that_it_ends() -> None:
    estimate = spread([1, 2], [0, 0.5])
    assert estimate is not None
    assert [period.start for period in estimate.periods] == ["2024-01-01"]


def test_a_text_is_summarized_by_the_share_of_the_most_frequent_and_the_first_of_equals() -> None:
    estimate = spread(["x", "y", "y", None, "x", "z"], [0, 0, 1, 1, 1, 1])
    assert estimate is not None
    assert (estimate.kind, estimate.value) == ("share", "x")
    assert [period.spread and period.spread.median for period in estimate.periods] == [0.5, 1 / 3]
    assert estimate.whole == Spread(None, 2 / 5, None)


def test_a_truth_value_is_summarized_by_the_share_of_the_more_frequent() -> None:
    estimate = spread([True, True, False, None], [0, 0, 0, 0])
    assert estimate is not None
    assert (estimate.value, estimate.whole.median) == ("true", 2 / 3)


def test_instants_and_columns_without_any_value_have_no_distribution() -> None:
    assert spread([MONDAY], [0], pa.timestamp("us", tz="UTC")) is None
    assert spread([None, None], [0, 1], pa.float64()) is None


def test_a_distribution_comes_back_from_json_as_it_was() -> None:
    estimate = spread([1.5, None], [0, 1])
    assert estimate is not None
    assert Distribution.from_json(estimate.as_json()) == estimate

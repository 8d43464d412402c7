"""Columns that only grow are recognized, and looked at by their growth a day, which a naive loop confirms."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from ml_platform.declarations.in_production import Monitoring
from ml_platform.operations.monitoring.drift import compare, summarize_reference, summarize_window
from ml_platform.operations.monitoring.drift_result import DriftResult
from ml_platform.operations.monitoring.growth import LOOK_BACK_DAYS, growing_columns, growth_rates

START = pd.Timestamp("2024-01-01T00:00Z")
LIMITS = Monitoring.model_validate({"window": "7d", "min_rows": 100})
KEYS = dict.fromkeys(("orders_ever", "orders_7d", "price", "age_days", "row_number", "remaining"), ("shop",))


def shops(days: int, *, rate: float = 3.0, since: int = 10**6, faster: float = 1.0, seed: int = 1) -> pd.DataFrame:
    """Return rows of 15 shops, 60 rows a day: counts over all time, over a week, a price, ages and a running number."""
    draw = np.random.default_rng(seed)
    made = draw.poisson(rate * np.where(np.arange(days) >= since, faster, 1.0)[:, None], (days, 15))
    total = 500 + 40 * np.arange(15) + made.cumsum(axis=0)
    week = np.array([made[max(0, day - 6) : day + 1].sum(axis=0) for day in range(days)])
    day, shop = np.repeat(np.arange(days), 60), draw.integers(0, 15, 60 * days)
    instants = START + pd.to_timedelta(day * 24 + np.tile(np.arange(60) % 24, days), "h")
    return pd.DataFrame(
        {
            "effective_time": pd.Series(instants),
            "shop": np.array([f"s{number}" for number in range(15)], dtype=object)[shop],
            "orders_ever": total[day, shop],
            "orders_7d": week[day, shop],
            "price": draw.gamma(2, 10, len(day)),
            "age_days": 30.0 * shop + day,
            "row_number": np.arange(len(day)),
            "remaining": 9000 - total[day, shop],
        }
    )


def looked_at(rows: pd.DataFrame, reference_days: int, end_day: int) -> DriftResult:
    times = rows["effective_time"]
    head = times < START + timedelta(days=reference_days)
    scores = pd.DataFrame(index=rows.index[:0])
    reference = summarize_reference(
        (rows[head].reset_index(drop=True), times[head].reset_index(drop=True)), (scores, times[:0]), KEYS
    )
    end = START + timedelta(days=end_day)
    recent = rows[(times > end - timedelta(days=7 + LOOK_BACK_DAYS)) & (times <= end)].reset_index(drop=True)
    start, stop = (moment.to_pydatetime() for moment in (end - timedelta(days=7), end))
    return compare(reference, summarize_window(reference, recent, recent["effective_time"], start, stop), LIMITS)


def test_rates_agree_with_a_naive_loop_over_pairs_of_rows() -> None:
    rows = shops(45)
    rows = rows.sample(400, random_state=1, ignore_index=True)
    rows.loc[::17, "orders_ever"] = pd.NA
    rows.loc[::23, "shop"] = None
    rows["orders_ever"] = rows["orders_ever"].astype("Float64")
    rates = growth_rates(rows, rows["effective_time"], {"orders_ever": ("shop",)})["orders_ever"]
    records = rows.to_dict("records")
    day = timedelta(days=1)
    checked = 0
    for place, row in enumerate(records):
        earlier = [
            other
            for other in records
            if row["shop"] is not None
            and other["shop"] == row["shop"]
            and day <= row["effective_time"] - other["effective_time"] <= LOOK_BACK_DAYS * day
        ]
        newest = max((other["effective_time"] for other in earlier), default=None)
        values = [other["orders_ever"] for other in earlier if other["effective_time"] == newest]
        if not values or len(values) > 1:  # of two rows at one instant either may be taken
            assert values or np.isnan(rates[place])
            continue
        if pd.isna(values[0]) or pd.isna(row["orders_ever"]):
            assert np.isnan(rates[place])
            continue
        expected = (row["orders_ever"] - values[0]) / ((row["effective_time"] - newest) / day)
        assert rates[place] == pytest.approx(expected, abs=1e-8)
        checked += 1
    assert checked > 200


def test_counts_over_all_time_ages_and_running_numbers_grow_and_other_columns_do_not() -> None:
    rows = shops(60)
    growing = growing_columns(rows, rows["effective_time"], KEYS)
    assert growing == {
        "orders_ever": ("shop",),
        "age_days": ("shop",),
        "row_number": ("shop",),
        "remaining": ("shop",),
    }
    without_keys = growing_columns(rows, rows["effective_time"], dict.fromkeys(KEYS, ()))
    assert without_keys == {"row_number": ()}


def test_a_count_over_all_time_does_not_drift_by_nature() -> None:
    rows = shops(200)
    for end in (100, 130, 199):
        result = looked_at(rows, 90, end)
        assert result.verdict == "stable", result.reason
        by_growth = {column.column for column in result.columns if column.by_growth}
        assert by_growth == {"orders_ever", "age_days", "row_number", "remaining"}


def test_a_count_that_grows_twice_as_fast_has_drifted() -> None:
    result = looked_at(shops(120, since=95, faster=2.0), 90, 105)
    drifted = {column.column: column for column in result.drifted}
    assert {"orders_ever", "orders_7d", "remaining"} <= set(drifted)
    assert "price" not in drifted
    assert drifted["orders_ever"].by_growth
    assert "growth a day" in drifted["orders_ever"].smallest_visible


def test_growth_without_earlier_rows_of_the_same_entities_gives_no_verdict() -> None:
    rows = shops(120)
    late = rows["effective_time"] >= START + timedelta(days=97)
    rows.loc[late, "shop"] = [f"new{number}" for number in range(int(late.sum()))]
    column = next(each for each in looked_at(rows, 90, 104).columns if each.column == "orders_ever")
    assert (column.verdict, column.note) == (
        "inconclusive",
        "the current window has no earlier rows of the same entities",
    )


def test_missing_values_of_a_growing_column_are_detected_as_of_any_other() -> None:
    rows = shops(110)
    rows["orders_ever"] = rows["orders_ever"].astype("Float64")
    late = (rows["effective_time"] >= START + timedelta(days=97)) & (np.arange(len(rows)) % 10 == 0)
    rows.loc[late, "orders_ever"] = pd.NA
    column = next(each for each in looked_at(rows, 90, 104).columns if each.column == "orders_ever")
    assert (column.verdict, column.what) == ("drifted", "missing")
    assert column.current_missing == pytest.approx(0.1, abs=0.01)


def test_a_column_is_not_taken_to_grow_because_the_last_entity_of_a_run_has_its_least_value() -> None:
    # Twenty shops at each daily run, in the order of their names: the last one is the smallest, and never has an offer.
    draw = np.random.default_rng(4)
    days, shops = 40, 20
    frame = pd.DataFrame(
        {
            "shop": np.tile(np.arange(shops), days),
            "size": np.tile(np.arange(shops)[::-1] * 10.0, days) + draw.normal(0, 1, shops * days),
            "offer": (draw.random(shops * days) < 0.2).astype("float64"),
            "row": np.arange(shops * days, dtype="float64"),
        }
    )
    frame.loc[frame["shop"] == shops - 1, "offer"] = 0.0
    times = pd.Series(pd.Timestamp("2024-01-01T06:00Z") + pd.to_timedelta(np.repeat(np.arange(days), shops), "D"))
    keys = {"size": ("shop",), "offer": ("shop",), "row": ()}
    assert growing_columns(frame, times, keys) == {"row": ()}
    # The row number has grown by 1 to 20 since the largest of the day before, in whatever order rows come.
    mixed = frame.sample(frac=1, random_state=0)
    rates = growth_rates(mixed, times[mixed.index], {"row": ()})["row"].sort_index()
    assert rates[shops:].tolist() == [*range(1, shops + 1)] * (days - 1)

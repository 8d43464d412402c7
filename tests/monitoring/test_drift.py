"""Drift figures agree with naive loops, add up over parts, and raise no alarm out of noise."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.monitoring.drift import ColumnDrift, compare, count_like, psi, psi_noise, summarise, usual_psi
from ml_platform.monitoring.histograms import Bins, Histogram, choose_bins, count_values
from ml_platform.spec.model import Monitoring

LIMITS = Monitoring.model_validate({"window": "7d", "min_rows": 100})


def naive_counts(values: list[Any], bins: Bins) -> list[int]:
    """Count one value after the other, as the docstring of `Bins` words it."""
    counts = [0] * len(bins.labels)
    for value in values:
        if value is None or value != value:
            counts[-1] += 1
        elif bins.kind == "categorical":
            counts[bins.categories.index(str(value)) if str(value) in bins.categories else -2] += 1
        elif not bins.edges or value < bins.edges[0]:
            counts[0] += 1
        elif value > bins.edges[-1]:
            counts[-2] += 1
        elif len(bins.edges) == 1:
            counts[1] += 1
        else:
            for place in range(1, len(bins.edges)):
                if value <= bins.edges[place]:
                    counts[place] += 1
                    break
    return counts


def test_psi_of_two_bins_is_the_figure_worked_out_by_hand() -> None:
    bins = Bins("categorical", categories=("a",))
    before, now = Histogram(bins, (50, 50, 0)), Histogram(bins, (20, 80, 0))
    # With half a row in each of three bins: 50.5, 50.5, 0.5 and 20.5, 80.5, 0.5 of 101.5.
    # (20.5 - 50.5) / 101.5 * ln(20.5 / 50.5) + (80.5 - 50.5) / 101.5 * ln(80.5 / 50.5) = 0.26645 + 0.13780
    assert psi(before, now) == pytest.approx(0.40424, abs=1e-4)
    assert psi(before, before) == 0.0


numbers = st.lists(st.one_of(st.none(), st.integers(-5, 5), st.floats(-10, 10)), min_size=1, max_size=60)
words = st.lists(st.one_of(st.none(), st.sampled_from("abcdef")), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.tuples(numbers, numbers), st.tuples(words, words)))
def test_counts_and_index_agree_with_a_naive_loop(samples: tuple[list[Any], list[Any]]) -> None:
    reference, current = samples
    numeric = not any(isinstance(value, str) for value in reference + current)
    kind = "float64" if numeric else "object"
    bins = choose_bins(pd.Series(reference, dtype=kind))
    before, now = (count_values(pd.Series(values, dtype=kind), bins) for values in (reference, current))
    assert list(before.counts) == naive_counts(reference, bins)
    assert list(now.counts) == naive_counts(current, bins)
    expected = 0.0
    for a, b in zip(before.counts, now.counts, strict=True):
        q = (a + 0.5) / (len(reference) + 0.5 * len(before.counts))
        p = (b + 0.5) / (len(current) + 0.5 * len(before.counts))
        expected += (p - q) * math.log(p / q)
    assert psi(before, now) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(numbers, numbers, numbers)
def test_histograms_of_parts_add_up_to_that_of_the_whole(reference: Any, first: Any, second: Any) -> None:
    bins = choose_bins(pd.Series(reference, dtype="float64"))
    parts = [count_values(pd.Series(part, dtype="float64"), bins) for part in (first, second)]
    assert parts[0] + parts[1] == count_values(pd.Series(first + second, dtype="float64"), bins)


def test_histograms_over_different_bins_are_kept_apart() -> None:
    one, other = (
        Histogram(Bins("numeric", (1.0, 2.0)), (0, 1, 0, 0)),
        Histogram(Bins("numeric", (1.0, 3.0)), (0, 1, 0, 0)),
    )
    with pytest.raises(ValueError, match="do not add up"):
        one + other
    with pytest.raises(ValueError, match="cannot be compared"):
        psi(one, other)


def test_a_histogram_survives_json() -> None:
    for values in (pd.Series([1.5, None, 3.0]), pd.Series(["a", None, "b"]), pd.Series([None], dtype="float64")):
        histogram = count_values(values, choose_bins(values))
        assert Histogram.from_json(histogram.as_json()) == histogram


@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_a_constant_column_that_moves_either_way_has_drifted(shift: float) -> None:
    reference = summarise(pd.DataFrame({"x": [5.0] * 1000}), ["x"])
    result = compare(reference, count_like(pd.DataFrame({"x": [5.0 + shift] * 500}), reference), [], LIMITS)
    assert result.verdict == "drift"


def test_missing_values_are_a_bin_of_their_own() -> None:
    draw = np.random.default_rng(1)
    reference = summarise(pd.DataFrame({"x": draw.normal(size=5000)}), ["x"])
    values = draw.normal(size=1000)
    values[:300] = np.nan
    result = compare(reference, count_like(pd.DataFrame({"x": values}), reference), [], LIMITS)
    assert result.verdict == "drift"
    assert result.columns[0].moved == "missing: 0.0% -> 30.0%"
    assert result.columns[0].current_missing == 0.3


def test_an_unseen_category_has_a_share() -> None:
    reference = summarise(pd.DataFrame({"x": ["a", "b"] * 500}), ["x"])
    result = compare(reference, count_like(pd.DataFrame({"x": ["a", "b", "new", "new"] * 100}), reference), [], LIMITS)
    assert result.columns[0].moved == "any other: 0.0% -> 50.0%"
    assert result.verdict == "drift"


def test_numbers_of_any_kind_and_booleans_can_be_counted() -> None:
    frame = pd.DataFrame(
        {
            "int": pd.array([1, None, 3], dtype="Int64"),
            "bool": [True, False, True],
            "null_bool": pd.array([True, None, False], dtype="boolean"),
            "category": pd.Categorical(["a", None, "b"]),
            "infinite": [1.0, math.inf, -math.inf],
        }
    )
    found = summarise(frame, list(frame.columns))
    assert {name: histogram.counts for name, histogram in found.items()} == {
        "int": (0, 2, 0, 1),
        "bool": (2, 1, 0, 0),
        "null_bool": (1, 1, 0, 1),
        "category": (1, 1, 0, 1),
        "infinite": (1, 1, 1, 0),
    }


def test_too_few_rows_raise_no_alarm() -> None:
    reference = summarise(pd.DataFrame({"x": np.arange(1000.0)}), ["x"])
    result = compare(reference, count_like(pd.DataFrame({"x": np.full(99, 5000.0)}), reference), [], LIMITS)
    assert result.verdict == "too few rows"
    assert result.reason == "99 rows in the current window, fewer than 100"
    assert result.drifted == ()
    nothing = compare(reference, count_like(pd.DataFrame({"x": np.zeros(0)}), reference), [], LIMITS)
    assert (nothing.verdict, nothing.rows) == ("too few rows", 0)


def test_an_index_within_the_noise_of_few_rows_is_no_drift() -> None:
    draw = np.random.default_rng(3)
    columns = [f"x{number}" for number in range(20)]
    reference = summarise(pd.DataFrame({name: draw.normal(size=3000) for name in columns}), columns)
    eager = Monitoring.model_validate({"window": "7d", "min_rows": 20, "psi": 0.1})
    alarms = 0
    for _ in range(100):
        frame = pd.DataFrame({name: draw.normal(size=60) for name in columns})
        alarms += compare(reference, count_like(frame, reference), [], eager).verdict == "drift"
    assert alarms <= 5
    above = [column.psi > 0.1 for column in compare(reference, count_like(frame, reference), [], eager).columns]
    assert sum(above) > 5  # by the limit alone nearly every look would have been an alarm


def test_the_noise_bound_agrees_with_the_chi_squared_distribution() -> None:
    from scipy.stats import chi2

    bins = Bins("numeric", tuple(float(edge) for edge in range(11)))
    before, now = Histogram(bins, (0, *[100] * 10, 0, 0)), Histogram(bins, (0, *[20] * 10, 0, 0))
    expected = (1 / 1000 + 1 / 200) * chi2.ppf(0.99, 9)
    assert psi_noise(before, now, 0.01) == pytest.approx(expected, rel=0.01)


def drifted(names: list[str], score: bool = False, needed: int = 1) -> str:
    frame = pd.DataFrame({name: np.arange(1000.0) for name in ("a", "b", "c", "score")})
    now = frame.assign(**{name: frame[name] + 5000 for name in names + (["score"] if score else [])})
    reference = summarise(frame, list(frame.columns))
    limits = Monitoring.model_validate({"window": "7d", "min_rows": 100, "drifted_features": needed})
    return compare(reference, count_like(now, reference), ["score"], limits).verdict


def test_the_declared_number_of_features_or_the_score_alone_make_drift() -> None:
    assert drifted([]) == "stable"
    assert drifted(["a"]) == "drift"
    assert drifted(["a"], needed=2) == "stable"
    assert drifted(["a", "b"], needed=2) == "drift"
    assert drifted([], score=True, needed=3) == "drift"


def test_the_worst_column_comes_first_with_its_figures() -> None:
    frame = pd.DataFrame({"a": np.arange(1000.0), "b": np.arange(1000.0), "score": np.linspace(0, 1, 1000)})
    reference = summarise(frame, list(frame.columns))
    result = compare(reference, count_like(frame.assign(b=frame["b"] * 2), reference), ["score"], LIMITS)
    assert [column.column for column in result.columns] == ["b", "a", "score"]
    assert [column.role for column in result.columns] == ["feature", "feature", "score"]
    worst: ColumnDrift = result.columns[0]
    assert worst.drifted
    assert worst.moved == "above 999: 0.0% -> 50.0%"
    assert result.reason == "1 of 2 features at PSI 0.25 or more beyond what is usual"
    assert worst.limit == 0.25


def test_what_is_usual_is_the_worst_window_within_the_reference_by_a_naive_loop() -> None:
    draw = np.random.default_rng(2)
    days = np.sort(draw.integers(0, 12, 600))
    times = pd.Series(pd.Timestamp("2024-01-01T07:00Z") + pd.to_timedelta(days * 24 + draw.integers(0, 23, 600), "h"))
    values = pd.Series(draw.normal(size=600) + np.sin(days / 3))
    values[::17] = np.nan
    whole = count_values(values, choose_bins(values))
    found = usual_psi(values, times, whole, timedelta(days=3), min_rows=20)
    first = times.min()
    naive = []
    for start in range(10):
        inside = (times >= first + timedelta(days=start)) & (times < first + timedelta(days=start + 3))
        if inside.sum() >= 20:
            naive.append(psi(whole, count_values(values[inside], whole.bins)))
    assert len(naive) > 5
    assert found == pytest.approx(max(naive))


def test_a_reference_too_short_for_two_windows_cannot_tell_what_is_usual() -> None:
    values, times = pd.Series(np.arange(50.0)), pd.Series(pd.date_range("2024-01-01", periods=50, freq="h", tz="UTC"))
    whole = count_values(values, choose_bins(values))
    assert usual_psi(values, times, whole, timedelta(days=2)) == 0.0
    assert usual_psi(values[:0], times[:0], whole, timedelta(days=2)) == 0.0


def test_what_comes_and_goes_within_the_reference_is_no_drift_and_more_than_that_is() -> None:
    days = np.repeat(np.arange(60), 40)
    times = pd.Series(pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(days, "D"))
    wave = pd.DataFrame({"x": 10 * np.sin(days / 5) + np.random.default_rng(1).normal(size=len(days))})
    reference = summarise(wave, ["x"])
    usual = {"x": usual_psi(wave["x"], times, reference["x"], timedelta(days=3))}
    crest, beyond = wave[(days >= 6) & (days < 9)], wave[(days >= 6) & (days < 9)] + 30
    assert compare(reference, count_like(crest, reference), [], LIMITS).verdict == "drift"
    assert compare(reference, count_like(crest, reference), [], LIMITS, usual).verdict == "stable"
    assert compare(reference, count_like(beyond, reference), [], LIMITS, usual).verdict == "drift"

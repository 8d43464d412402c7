"""Histograms and the population stability index agree with naive loops, and counts of parts add up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.core.statistics.histograms import Bins, Histogram, choose_bins, count_values
from ml_platform.core.statistics.population_stability import largest_shift, psi, psi_sampling_bound


def naive_counts(values: list[Any], bins: Bins) -> list[int]:
    """Count one value after the other, as the docstring of `Bins` words it."""
    counts = [0] * len(bins.labels)
    for value in values:
        if value is None or value != value:
            counts[-1] += 1
        elif bins.kind == "categorical":
            counts[bins.categories.index(str(value)) if str(value) in bins.categories else -2] += 1
        elif value in bins.frequent:
            counts[bins.frequent.index(value)] += 1
        elif not bins.edges or value < bins.edges[0]:
            counts[len(bins.frequent)] += 1
        elif value > bins.edges[-1]:
            counts[-2] += 1
        elif len(bins.edges) == 1:
            counts[len(bins.frequent) + 1] += 1
        else:
            for place in range(1, len(bins.edges)):
                if value <= bins.edges[place]:
                    counts[len(bins.frequent) + place] += 1
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


@pytest.mark.slow
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
    histograms = {name: count_values(frame[name], choose_bins(frame[name])) for name in frame.columns}
    assert {name: histogram.counts for name, histogram in histograms.items()} == {
        "int": (1, 1, 0, 1),
        "bool": (2, 1, 0, 0),
        "null_bool": (1, 1, 0, 1),
        "category": (1, 1, 0, 1),
        "infinite": (1, 2, 0),
    }


def test_values_that_are_frequent_have_a_separate_bin() -> None:
    before = pd.Series([1] * 100 + [0] * 1900, dtype="Int64")
    now = pd.Series([1] * 475 + [0] * 25, dtype="Int64")
    bins = choose_bins(before)
    assert bins.labels == ("0", "1", "any other", "missing")
    one, other = count_values(before, bins), count_values(now, bins)
    assert (one.counts, other.counts) == ((1900, 100, 0, 0), (25, 475, 0, 0))
    # 95 % of the rows moved from one value to the other: 2 x 0.9 x ln(0.95 / 0.05) = 5.3, less for the added half rows
    assert psi(one, other) == pytest.approx(2 * 0.9 * math.log(19), abs=0.05)
    assert largest_shift(one, other) == "0: 95.0% -> 5.0%"


def test_an_amount_that_is_mostly_zero_has_a_bin_for_zero_and_ranges_for_the_rest() -> None:
    values = pd.Series([0.0] * 900 + list(np.linspace(1, 100, 100)))
    bins = choose_bins(values)
    assert bins.labels[:3] == ("0", "below 1", "1 to 10")
    counts = count_values(values, bins).counts
    assert counts[:2] == (900, 0)
    assert counts[2:12] == pytest.approx([10] * 10, abs=1)
    assert counts[12:] == (0, 0)


def test_the_noise_bound_agrees_with_the_chi_squared_distribution() -> None:
    from scipy.stats import chi2

    bins = Bins("numeric", tuple(float(edge) for edge in range(11)))
    before, now = Histogram(bins, (0, *[100] * 10, 0, 0)), Histogram(bins, (0, *[20] * 10, 0, 0))
    expected = (1 / 1000 + 1 / 200) * chi2.ppf(0.99, 9)
    assert psi_sampling_bound(before, now, 0.01) == pytest.approx(expected, rel=1e-12)

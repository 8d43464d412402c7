"""Daily figures agree with naive loops over values, and ranks with scipy's."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, percentileofscore

from ml_platform.operations.monitoring.column_scale import OTHER, Scale, scale_of
from ml_platform.operations.monitoring.daily_series import daily_series

numbers = st.lists(st.one_of(st.none(), st.integers(-4, 4), st.floats(-9, 9)), min_size=1, max_size=50)
words = st.lists(st.one_of(st.none(), st.sampled_from("abcdefghijklmn")), min_size=1, max_size=50)


def naive_position(known: list[float], value: float, rank: float) -> float:
    """Return the normal score of a rank, and how far beyond the range a value is, in standard deviations."""
    score = norm.ppf(min(max(rank, 0.5 / len(known)), 1 - 0.5 / len(known)))
    low, high = np.quantile(known, norm.cdf([-1, 1]), method="inverted_cdf")
    if high == low:
        return float(score)
    beyond = max(value - max(known), 0.0) + min(value - min(known), 0.0)
    return float(score + min(max(beyond / ((high - low) / 2), -2.0), 2.0))


def naive_figures(reference: list[Any], current: list[Any], days: list[int]) -> dict[tuple[int, str, str], float]:
    """Return the figures of each day, one value after the other, as the module's docstring words them."""
    known = [value for value in reference if value is not None]
    distinct = sorted(set(map(str, known))) if known and isinstance(known[0], str) else sorted(set(map(float, known)))
    number: dict[tuple[int, str, str], list[float]] = {}
    for value, day in zip(current, days, strict=True):
        number.setdefault((day, "missing", ""), []).append(float(value is None))
        if value is None:
            continue
        if len(distinct) > 2 and not isinstance(distinct[0], str):
            rank = sum(1.0 if other < value else 0.5 if other == value else 0.0 for other in known) / len(known)
            number.setdefault((day, "level", ""), []).append(rank)
            number.setdefault((day, "spread", ""), []).append(abs(2 * rank - 1))
            if max(known.count(other) for other in known) <= len(known) / 2:
                number.setdefault((day, "position", ""), []).append(naive_position(known, value, rank))
            continue
        counts = {name: sum(other == name for other in known) for name in distinct}
        order = sorted(distinct, key=lambda name: (-counts[name], name if isinstance(name, str) else f"{name:.12g}"))
        listed = order[:10]
        for name in listed[1:] if len(listed) <= 2 else listed:
            text = name if isinstance(name, str) else f"{name:.12g}"
            number.setdefault((day, "share", text), []).append(float(value == name))
        if len(distinct) <= 10:
            number.setdefault((day, "share", OTHER), []).append(float(value not in listed))
            continue
        number.setdefault((day, "new", ""), []).append(float(value not in distinct))
        part = zlib.crc32(value.encode()) % 4
        for each in range(4):
            in_part = value not in listed and part == each
            number.setdefault((day, "part", str(each + 1)), []).append(float(in_part))
    return {key: sum(values) / len(values) for key, values in number.items()}


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.tuples(numbers, numbers), st.tuples(words, words)), st.randoms(use_true_random=False))
def test_daily_figures_agree_with_a_naive_loop(samples: tuple[list[Any], list[Any]], draw: Any) -> None:
    reference, current = samples
    texts = any(isinstance(value, str) for value in reference + current)
    if texts and not any(isinstance(value, str) for value in reference):
        return
    if not texts:
        reference, current = (
            [None if v is None else float(v) + 0.0 for v in values] for values in (reference, current)
        )
    kind = "object" if texts else "float64"
    days = [draw.randrange(100, 104) for _ in current]
    scale = scale_of(pd.Series(reference, dtype=kind))
    daily = daily_series(pd.DataFrame({"x": pd.Series(current, dtype=kind)}), np.array(days), {"x": scale})
    expected = naive_figures(reference, current, days)
    actual: dict[Any, float] = {
        (int(number), series.kind, series.value): daily.means[row, column]
        for row, number in enumerate(daily.numbers)
        for column, series in enumerate(daily.series)
        if not np.isnan(daily.means[row, column])
    }
    assert set(actual) == set(expected)
    for key, figure in expected.items():
        assert actual[key] == pytest.approx(figure, abs=1e-9), key


def test_ranks_agree_with_scipys_mean_percentiles() -> None:
    draw = np.random.default_rng(1)
    reference = np.round(draw.gamma(2, 3, 400), 1)
    scale = scale_of(pd.Series(reference))
    asked = np.array([-1.0, 0.0, 3.3, 3.35, 8.1, 500.0, math.inf, -math.inf])
    expected = [percentileofscore(reference, value, kind="mean") / 100 for value in asked]
    assert scale.ranks(asked) == pytest.approx(expected, abs=1e-12)


def test_many_distinct_values_are_ranked_to_within_a_thousandth() -> None:
    draw = np.random.default_rng(2)
    reference = np.where(draw.random(20_000) < 0.3, 0.0, draw.lognormal(size=20_000))
    scale = scale_of(pd.Series(reference))
    assert len(scale.knots) <= 501
    asked = np.append(draw.lognormal(size=500), 0.0)
    expected = [percentileofscore(reference, value, kind="mean") / 100 for value in asked]
    assert np.max(np.abs(scale.ranks(asked) - expected)) <= 0.001 + 1e-9
    assert scale.ranks(np.array([0.0]))[0] == pytest.approx(expected[-1], abs=1e-12)  # a frequent value is exact


def test_conditions_integers_and_categories_have_shares() -> None:
    frame = pd.DataFrame(
        {
            "flag": pd.array([True, False, False, None], dtype="boolean"),
            "bit": pd.array([1, 0, 0, None], dtype="Int64"),
            "kind": pd.Categorical(["a", "b", "b", None]),
        }
    )
    scales = {name: scale_of(frame[name]) for name in frame.columns}
    now = pd.DataFrame(
        {
            "flag": pd.array([True, True, False, None], dtype="boolean"),
            "bit": pd.array([1, 7, 1, 0], dtype="Int64"),
            "kind": pd.Categorical(["new", "a", "a", "b"]),
        }
    )
    daily = daily_series(now, np.zeros(4, dtype=np.int64), scales)
    means = {(s.column, s.kind, s.value): daily.means[0, place] for place, s in enumerate(daily.series)}
    assert means == {
        ("flag", "missing", ""): 0.25,
        ("flag", "share", "True"): pytest.approx(2 / 3),
        ("flag", "share", OTHER): 0.0,
        ("bit", "missing", ""): 0.0,
        ("bit", "share", "1"): 0.5,
        ("bit", "share", OTHER): 0.25,
        ("kind", "missing", ""): 0.0,
        ("kind", "share", "a"): 0.5,
        ("kind", "share", OTHER): 0.25,
    }


def test_new_values_are_those_that_no_other_quarter_of_the_reference_has() -> None:
    draw = np.random.default_rng(6)
    days = np.repeat(np.arange(8), 30)
    values = [f"v{number}" for number in draw.integers(0, 150, 240)]
    scale = scale_of(pd.Series(values))
    window = [f"v{number}" for number in draw.integers(0, 300, 40)]
    frame, later = pd.DataFrame({"x": values}), pd.DataFrame({"x": window})
    before = daily_series(frame, days, {"x": scale}, is_reference=True)
    now = daily_series(later, np.zeros(40, dtype=np.int64), {"x": scale})

    quarters: dict[str, set[int]] = {}
    for value, day in zip(values, days, strict=True):
        quarters.setdefault(value, set()).add(int(day) // 2)
    held_out = [
        np.mean([len(quarters[v]) == 1 for v, d in zip(values, days, strict=True) if d == day]) for day in range(8)
    ]
    place = [series.kind for series in before.series].index("new")
    assert before.means[:, place] == pytest.approx(held_out, abs=1e-12)
    assert now.means[0, place] == pytest.approx(np.mean([value not in quarters for value in window]), abs=1e-12)
    parts = [i for i, series in enumerate(now.series) if series.kind == "part"]
    assert len(parts) == 4
    rare = np.mean([value not in scale.categories for value in window])
    assert now.means[0, parts].sum() == pytest.approx(rare, abs=1e-12)


def test_a_column_without_any_value_is_followed_by_its_missing_share() -> None:
    empty = pd.Series([None, None], dtype="float64")
    scale = scale_of(empty)
    assert scale == Scale(categories=(), known=0)
    daily = daily_series(pd.DataFrame({"x": [1.0, None]}), np.array([5, 5]), {"x": scale})
    assert daily.means[0, 0] == 0.5

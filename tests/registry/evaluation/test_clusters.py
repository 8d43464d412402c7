"""Clusters of rows: against NumPy's sort, scipy's moments, and a loop over pairs of contenders."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ml_platform.registry.evaluation.clusters import numbered, shape_of, without_rounding

DRAW = np.random.default_rng(5)
MIDNIGHTS = np.datetime64("1969-12-20", "D") + DRAW.integers(0, 40, 500)


@pytest.mark.parametrize(
    "keys",
    [
        DRAW.integers(-20, 20, 500),
        DRAW.integers(0, 10**15, 500),
        DRAW.integers(0, 9, 500).astype("int32"),
        DRAW.normal(size=500).round(1),
        MIDNIGHTS,
        MIDNIGHTS.astype("datetime64[ns]"),
        MIDNIGHTS.astype("datetime64[us]") + DRAW.integers(0, 3, 500),
        np.array(["b", "a", "b"]),
        np.array([], dtype="int64"),
    ],
    ids=["near", "far", "narrow", "floats", "days", "nanoseconds", "instants", "texts", "none"],
)
def test_numbers_of_keys_are_those_of_a_sort(keys: np.ndarray) -> None:
    names, place = numbered(keys)
    expected, where = np.unique(keys, return_inverse=True)
    assert names.dtype == expected.dtype or names.dtype.kind == expected.dtype.kind == "i"
    np.testing.assert_array_equal(names, expected)
    np.testing.assert_array_equal(place, where)


def test_the_shape_of_parts_is_that_of_all_rows_by_scipy() -> None:
    rows = DRAW.exponential(size=100_000)
    shape = shape_of([rows[:70_000], rows[70_000:]], float(rows.max()))
    assert shape.rows == 100_000
    assert shape.second == pytest.approx(rows.var(), rel=1e-12)
    assert shape.third / shape.second**1.5 == pytest.approx(stats.skew(rows), rel=1e-10)
    assert shape.fourth / shape.second**2 == pytest.approx(stats.kurtosis(rows, fisher=False), rel=1e-10)


def test_only_what_differs_by_rounding_becomes_the_same() -> None:
    first = DRAW.normal(size=300) * 10.0 ** DRAW.integers(-6, 6, 300)
    second = first * np.where(DRAW.random(300) < 0.5, 1 + 4e-16, 1 + 1e-9)
    third = np.where(DRAW.random(300) < 0.5, second, -second)
    same: dict[str, np.ndarray] = {}
    for name, value in {"a": first, "b": second, "c": third}.items():
        for other in same.values():
            close = np.abs(value - other) <= 1e-12 * np.maximum(np.abs(value), np.abs(other))
            value = np.where(close, other, value)
        same[name] = value
    made = without_rounding({"a": first, "b": second, "c": third})
    for name, value in same.items():
        np.testing.assert_array_equal(made[name], value)
    assert (made["b"] == made["a"]).any()
    assert (made["b"] != made["a"]).any()

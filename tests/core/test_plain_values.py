"""Values of frames and arrays as Python and JSON have them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from ml_platform.core.plain_values import json_value, plain_value


@pytest.mark.parametrize("null", [None, np.nan, float("nan"), pd.NA, pd.NaT, np.datetime64("NaT")])
def test_every_null_is_none(null: object) -> None:
    assert plain_value(null) is None
    assert json_value([null]) == [None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(-3), -3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (pd.Timestamp("2024-01-02T03:04:05Z"), datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_a_scalar_is_as_python_has_it(value: object, expected: object) -> None:
    plain = plain_value(value)
    assert plain == expected
    assert type(plain) is type(expected)


def test_nested_values_become_json_types() -> None:
    nested = {
        "a": np.float64("nan"),
        "b": (np.int64(1), {2.5}),
        "c": np.array([1.0, np.inf]),
        3: np.array([[1, 2]]),
        "one": np.array([7]),
        "none": np.array([]),
        "at": datetime(2024, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))),
        "naive": pd.Timestamp("2024-01-02"),
        "day": date(2024, 1, 2),
        "span": timedelta(hours=1),
    }
    expected = {
        "a": None,
        "b": [1, [2.5]],
        "c": [1.0, None],
        "3": [[1, 2]],
        "one": 7,
        "none": [],
        "at": "2024-01-02T01:00:00.000000Z",
        "naive": "2024-01-02T00:00:00.000000Z",
        "day": "2024-01-02",
        "span": "1:00:00",
    }
    assert json_value(nested) == expected
    assert json.loads(json.dumps(json_value(nested), allow_nan=False)) == expected

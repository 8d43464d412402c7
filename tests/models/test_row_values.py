"""Which values a row form takes for a column, and which it refuses by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import PredictionError
from tests.models.one_row import of_row
from tests.models.row_world import INPUTS, plain_rows, predictor_of

pytestmark = pytest.mark.slow


GOOD = plain_rows(1, 3, hostile=False)[0]
WRONG: list[tuple[str, Any]] = [
    ("t.x", "1.5"),
    ("t.x", [1.0]),
    ("t.x", 1j),
    ("t.x", 10**400),
    ("t.x", b"1"),
    ("t.count", 1.5),
    ("t.count", float("inf")),
    ("t.count", 2**63),
    ("t.count", 10**400),
    ("t.flag", 2),
    ("t.flag", "true"),
    ("t.letter", 3),
    ("t.letter", b"p"),
    ("t.letter", {"a": 1}),
    ("t.at", "2024-01-01"),
    ("t.at", pd.Timestamp("2024-01-01")),
    ("t.at", 1_700_000_000),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_of_another_type_is_refused_by_the_name_of_its_column(tmp_path, name, value):
    form = predictor_of("constant", "binary", tmp_path).row_form()
    row = list(GOOD)
    row[[column.name for column in INPUTS].index(name)] = value
    with pytest.raises(PredictionError, match=rf"^column {name} must be \w+, found "):
        form.predict(row)
    assert form.predict(GOOD).score is not None


@pytest.mark.parametrize(
    ("name", "value", "same"),
    [
        ("t.x", np.float64(1.5), 1.5),
        ("t.x", np.float32(1.5), 1.5),
        ("t.x", 2**70, float(2**70)),
        ("t.count", np.int64(4), 4),
        ("t.count", 4.0, 4),
        ("t.count", float("nan"), None),
        ("t.flag", np.True_, True),
        ("t.flag", 1, True),
        ("t.letter", float("nan"), None),
        ("t.at", pd.Timestamp("2024-01-02 03:04:05.678901", tz="America/New_York"), None),
        ("t.at", pd.NaT, None),
        ("t.at", datetime(1500, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), datetime(1500, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_value_in_another_form_of_its_type_is_read_like_a_column(tmp_path, name, value, same):
    source = "t.x * 2 + t.count + hour(t.at) + where(is_null(t.letter), 100, 0) + t.flag"
    form = predictor_of("rule", "regression", tmp_path, expression=source).row_form()
    place = [column.name for column in INPUTS].index(name)
    if isinstance(value, pd.Timestamp):
        same = value.tz_convert("UTC").to_pydatetime()
    another_form, plain = ([*GOOD[:place], item, *GOOD[place + 1 :]] for item in (value, same))
    assert of_row(form.predict(another_form)) == of_row(form.predict(plain))


def test_a_row_with_too_few_values_is_refused(tmp_path):
    with pytest.raises(PredictionError, match="a row has 7 values; the predictor has 8 input columns"):
        predictor_of("constant", "binary", tmp_path).row_form().predict(GOOD[:-1])

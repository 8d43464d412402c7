"""The canonical order of rows: that of Python's own sort."""

import random
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from ml_platform.core.canonical_order import sorted_by

DRAW = random.Random(4)
COLUMNS = {
    "text": pa.array([DRAW.choice(["a", "B", "é", "", "a b", "10", "9"]) for _ in range(300)]),
    "small": pa.array([DRAW.randint(-3, 3) for _ in range(300)], pa.int64()),
    "wide": pa.array([DRAW.choice([-(2**62), 0, 2**62, 5]) for _ in range(300)], pa.int64()),
    "real": pa.array([DRAW.choice([-1.5, 0.0, 2.25]) for _ in range(300)]),
    "moment": pa.array([datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=DRAW.randint(0, 9)) for _ in range(300)]),
}
TABLE = pa.table({**COLUMNS, "place": range(300)})


@pytest.mark.parametrize(
    "columns", [["text"], ["small", "text"], ["wide", "small", "real"], ["moment", "text", "small", "wide"], ["real"]]
)
def test_rows_are_sorted_as_python_sorts_them_and_ties_stay_in_their_order(columns):
    rows = sorted_by(TABLE, columns).to_pylist()
    assert rows == sorted(TABLE.to_pylist(), key=lambda row: tuple(_bytes(row[name]) for name in columns))


@pytest.mark.parametrize("first", ["small", "wide", "moment"])
@pytest.mark.parametrize("moves", [0, 1])
def test_rows_that_are_nearly_in_order_are_sorted_too(first, moves):
    rows = TABLE.sort_by([("text", "ascending"), ("place", "ascending")])
    others = ["text", "place"]
    if moves:
        rows = pa.concat_tables([rows.slice(1), rows.slice(0, 1)])
    for columns in ([first, *others], others):
        actual = sorted_by(rows, columns).to_pylist()
        assert actual == sorted(rows.to_pylist(), key=lambda row: tuple(_bytes(row[name]) for name in columns))


def _bytes(value):
    return value.encode() if isinstance(value, str) else value


def test_a_table_without_rows_is_sorted_too():
    assert sorted_by(TABLE.slice(0, 0), ["text", "wide"]).num_rows == 0

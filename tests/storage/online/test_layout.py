"""A record gives back what was put into it, whatever columns are asked for, in whatever order."""

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from ml_platform.storage.online.layout import Block, Layout
from ml_platform.storage.online.record_keys import LONGEST, RecordKeys

ARROW: dict[Any, Any] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
}
VALUES: dict[Any, list[Any]] = {
    "string": ["", "a\0b", "ä€😀", "x" * 3000, None],
    "int": [0, -1, 2**63 - 1, -(2**63), None],
    "float": [0.0, -0.0, 1e308, float("inf"), float("-inf"), 5e-324, None],
    "bool": [True, False, None],
    "timestamp": [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, 1, 2, 3, 4, tzinfo=UTC), None],
}


def random_blocks(draw):
    return [
        Block(f"features/t{number}", {f"c{place}": draw.choice(list(ARROW)) for place in range(draw.randrange(1, 7))})
        for number in range(draw.randrange(1, 5))
    ]


def same(actual, expected):
    if expected is None:
        return actual is None or (isinstance(actual, float) and math.isnan(actual))
    return type(actual) is type(expected) and repr(actual) == repr(expected)


@pytest.mark.parametrize("seed", range(30))
def test_values_come_back_as_they_were(seed):
    draw = random.Random(seed)
    blocks, rows = random_blocks(draw), draw.randrange(1, 20)
    values = {
        block.name: {name: [draw.choice(VALUES[kind]) for _ in range(rows)] for name, kind in block.columns.items()}
        for block in blocks
    }
    known = {block.name: [draw.random() < 0.5 for _ in range(rows)] for block in blocks}
    layout = Layout(blocks)
    tables = [
        pa.table({name: pa.array(values[block.name][name], ARROW[kind]) for name, kind in block.columns.items()})
        for block in blocks
    ]
    records = layout.encode(tables, [np.array(known[block.name]) for block in blocks])
    everything = [(block.name, name) for block in blocks for name in block.columns]
    for wanted in (everything, draw.sample(everything, len(everything)), [draw.choice(everything)]):
        pick = layout.picker(wanted)
        for row, record in enumerate(records):
            for buffer in (record, memoryview(record)):
                actual, knows = pick(buffer)
                assert all(
                    same(item, values[block][name][row]) for item, (block, name) in zip(actual, wanted, strict=True)
                )
                assert [bool(item) for item in knows] == [known[block][row] for block in pick.blocks]


def test_an_unknown_column_is_named():
    with pytest.raises(KeyError, match="other"):
        Layout([Block("features/t", {"c": "int"})]).picker([("features/t", "other")])


KEYS: dict[Any, list[Any]] = {
    "string": ["", "a", "ab", "b", "\0", "ä", "x" * 600, "x" * 599 + "y"],
    "int": [0, -1, 1, 2**63 - 1, -(2**63)],
    "bool": [True, False],
    "float": [0.0, 1.5, -1.5, float("inf")],
    "timestamp": [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)],
}


@pytest.mark.parametrize(
    "types", [*((kind,) for kind in KEYS), ("string", "string"), ("int", "string"), ("string", "int")]
)
def test_each_entity_has_a_separate_key_and_one_by_one_or_all_at_once_it_is_the_same(types):
    rows: list[tuple[Any, ...]] = [()]
    for kind in types:
        rows = [(*row, value) for row in rows for value in KEYS[kind]]
    keys = RecordKeys("thing", types)
    columns = [pa.chunked_array([pa.array([row[at] for row in rows], ARROW[kind])]) for at, kind in enumerate(types)]
    many = keys.many(columns)
    assert many == [keys.one(row) for row in rows]
    assert len(set(many)) == len(rows)
    assert all(len(key) <= LONGEST and key.startswith(keys.prefix) for key in many)


def test_keys_of_other_entities_or_types_never_meet():
    actual = [
        RecordKeys(name, cast(Any, (kind,))).one([value]) for name, kind, value in [("a", "int", 1), ("ab", "int", 1)]
    ]
    actual += [RecordKeys("a", ("string",)).one(["1"]), RecordKeys("a", ("string", "string")).one(["1", ""])]
    assert len(set(actual)) == len(actual)


def test_two_zeros_are_one_key():
    keys = RecordKeys("a", ("float",))
    assert keys.one([0.0]) == keys.one([-0.0])
    assert keys.many([pa.chunked_array([pa.array([0.0, -0.0])])]) == [keys.one([0.0])] * 2

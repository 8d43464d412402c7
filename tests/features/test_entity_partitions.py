"""Numbers of entities, and cells and questions cut into blocks: nothing is lost, nothing is in two blocks."""

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_platform.features import entity_partitions as blocks
from ml_platform.features.entity_codes import numbered
from ml_platform.features.entity_partitions import CellColumns, EntityTicks, cut

KEYS: dict[str, Any] = {
    "close": [[-5], [-1], [0], [7], [11]],
    "far": [[-(2**63)], [-1], [0], [2**40], [2**63 - 1]],
    "texts": [[""], ["10"], ["9"], ["B"], ["a"], ["\u00e9"]],
    "several": [[a, b, c] for a in (-(2**62), 0, 2**62) for b in ("x", "y") for c in (False, True)],
}


class Stored:
    """Cells of two chunks and an empty one; every column is read once."""

    def __init__(self, chunks):
        self.chunks, self.asked = chunks, []

    def by_chunk(self, names):
        self.asked.append(list(names))
        return [chunk.select(names) for chunk in self.chunks]


def table_of(keys, rows):
    """Rows of keys, one column for each part of a key, with the types of the first key."""
    columns = zip(*rows, strict=True) if rows else [[] for _ in keys[0]]
    return {f"k{n}": pa.array(list(c), pa.scalar(keys[0][n]).type) for n, c in enumerate(columns)}


def world(kind, seed, questions=40):
    """Cells of all keys but one, by chunk and sorted by key; and what is asked, the missing key and nulls too."""
    keys, draw = KEYS[kind], random.Random(seed)
    seen = [key for key in keys if key != keys[2]]
    chunks = [sorted(draw.choice(seen) for _ in range(size)) for size in (30, 0, 50)]
    asked = [draw.choice([*keys, [None] * len(keys[0])]) for _ in range(questions)]
    tables = [pa.table(table_of(keys, rows)) for rows in chunks]
    return chunks, asked, tables, pa.table(table_of(keys, asked))


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("many", [2**40, 4])
def test_entities_are_numbered_in_the_order_of_their_keys(monkeypatch, kind, many):
    monkeypatch.setattr("ml_platform.features.entity_codes._MANY", many)
    chunks, asked, tables, asked_table = world(kind, 1)
    names = {name: name for name in asked_table.column_names}
    numbers, asked_numbers = numbered(tables, asked_table, names)
    known: dict[Any, int] = {}
    for rows, actual in zip(chunks, numbers, strict=True):
        for key, number in zip(rows, actual.tolist(), strict=True):
            assert known.setdefault(tuple(key), number) == number
    assert [known[key] for key in sorted(known)] == sorted(set(known.values()))
    least = min(known.values())
    for key, number in zip(asked, asked_numbers.tolist(), strict=True):
        assert number == known[tuple(key)] if tuple(key) in known else number not in known.values()
        assert number >= min(least - 1, -1) or kind == "close"


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(("rows", "stretch"), [(1, 1), (25, 1), (25, 20), (10**9, 1)])
def test_every_question_meets_the_cells_of_its_entity_in_one_block(monkeypatch, kind, rows, stretch):
    for limit, value in (("_ROWS", rows), ("_STRETCH", stretch), ("_SAMPLED", 3)):
        monkeypatch.setattr(blocks, limit, value)
    chunks, asked, tables, asked_table = world(kind, 2, questions=200)
    draw = random.Random(3)
    ticks = np.array([draw.randint(-2, 2) for _ in asked])
    places = [pa.array([f"{n}/{m}" for m in range(len(table))], pa.string()) for n, table in enumerate(tables)]
    stored: Any = Stored([t.append_column("place", p) for t, p in zip(tables, places, strict=True)])
    columns = CellColumns(stored, asked_table.column_names)
    numbers, asked_numbers = numbered(columns.chunks, asked_table, {name: name for name in asked_table.column_names})
    questions = EntityTicks.of(asked_numbers, ticks)
    actual = []
    for block in cut(columns, numbers, questions):
        assert block.entity.min(initial=0) >= 0
        assert block.asked_entity.min() >= -1
        place = np.array(block.column("place").to_pylist(), object)
        for entity, tick in zip(block.asked_entity, block.tick, strict=True):
            actual.append((tick, sorted(place[block.entity == entity])))
    expected = [
        (
            tick,
            sorted(
                f"{n}/{m}" for n, rows in enumerate(chunks) for m, key_of_row in enumerate(rows) if key_of_row == key
            ),
        )
        for key, tick in zip(asked, ticks, strict=True)
    ]
    assert [actual[number] for number in questions.number] == expected
    assert len(actual) == len(set(zip(asked_numbers.tolist(), ticks.tolist(), strict=True)))
    assert stored.asked == [asked_table.column_names, ["place"]]


def test_small_blocks_are_as_many_as_their_rows_ask_for(monkeypatch):
    monkeypatch.setattr(blocks, "_ROWS", 50)
    monkeypatch.setattr(blocks, "_STRETCH", 10)
    monkeypatch.setattr(blocks, "_SAMPLED", 1)
    cells = np.repeat(np.arange(100), 10)
    stored: Any = Stored([pa.table({"k0": cells})] * 2)
    columns = CellColumns(stored, ["k0"])
    pieces = cut(columns, [cells, cells], EntityTicks.of(np.arange(100), np.zeros(100, np.int64)))
    assert len(pieces) == (2 * 1000 + 100) // 50
    assert max(len(block.entity) + len(block.tick) for block in pieces) <= 50 + 21


def test_nothing_asked_is_one_block_without_questions():
    stored: Any = Stored([pa.table({"k0": [1, 2]})])
    columns = CellColumns(stored, ["k0"])
    [block] = cut(columns, [np.array([1, 2])], EntityTicks.of(np.zeros(0, np.int64), np.zeros(0, np.int64)))
    assert len(block.tick) == 0

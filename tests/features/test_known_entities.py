"""When each entity became known, beside a plain dictionary."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_platform.features.known_entities import KnownEntities, first_known, joined_intervals
from ml_platform.features.tiles import KNOWN_FROM, KNOWN_UNTIL
from ml_platform.sources.source_log import FOREVER

KEYS: dict[str, list[tuple[Any, ...]]] = {
    "whole numbers": [(n,) for n in (-(2**62), -3, 0, 7, 2**62)],
    "texts": [(text,) for text in ("", "a", "a\0", "ä", "b")],
    "two columns": [(n, text) for n in (1, 2) for text in ("a", "b")],
    "floats": [(number,) for number in (-1.5, 0.0, 3.25)],
}


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("kind", KEYS)
def test_each_entity_is_known_from_its_first_cell_on(kind: str, shuffled: bool) -> None:
    drawn = random.Random(f"{kind} {shuffled}")
    for count in (0, 1, 2, 50):
        rows = [(*drawn.choice(KEYS[kind]), drawn.randrange(100)) for _ in range(count)]
        if not shuffled:
            rows.sort(key=lambda row: row[:-1])
        names = [f"key_{place}" for place in range(len(KEYS[kind][0]))]
        columns = list(zip(*rows, strict=True)) or [()] * (len(names) + 1)
        types = [pa.array([value]).type for value in KEYS[kind][0]] + [pa.int64()]
        cells = pa.table(
            {
                name: pa.array(column, kind_of)
                for name, column, kind_of in zip([*names, KNOWN_FROM], columns, types, strict=True)
            }
        )
        actual = first_known(cells, names)
        expected: dict[Any, int] = {}
        for *key, since in rows:
            expected[tuple(key)] = min(since, expected.get(tuple(key), since))
        stretches = list(zip(*(actual[name].to_pylist() for name in names), strict=True))
        firsts: dict[Any, int] = {}
        for stretch, since in zip(stretches, actual[KNOWN_FROM].to_pylist(), strict=True):
            firsts[stretch] = min(since, firsts.get(stretch, since))
        assert firsts == expected
        assert set(actual[KNOWN_UNTIL].to_pylist()) <= {FOREVER}
        assert shuffled or len(stretches) == len(expected)


@pytest.mark.parametrize("seed", range(20))
def test_intervals_of_an_entity_are_joined_as_the_set_of_its_instants(seed: int) -> None:
    drawn = random.Random(seed)
    ends = [FOREVER] if seed % 4 == 0 else [*range(1, 12), FOREVER]
    number = np.sort([drawn.randrange(5) for _ in range(seed * 2)]).astype(np.int64)
    since = np.array([drawn.randrange(10) for _ in number], np.int64)
    until = np.array([max(drawn.choice(ends), start + 1) for start in since.tolist()], np.int64)
    joined = [column.tolist() for column in joined_intervals(number, since, until)]

    def known(instant: int) -> list[int]:
        rows = zip(number.tolist(), since.tolist(), until.tolist(), strict=True)
        return sorted({entity for entity, start, end in rows if start <= instant < end})

    for instant in (*range(13), FOREVER - 1):
        rows = zip(*joined, strict=True)
        assert [entity for entity, start, end in rows if start <= instant < end] == known(instant)
    assert joined[0] == sorted(joined[0])


@pytest.mark.parametrize("seed", range(5))
def test_each_entity_is_listed_at_each_instant_at_which_it_is_known(seed: int) -> None:
    drawn = random.Random(seed)
    intervals = [(number, start, start + drawn.randrange(1, 4)) for number in range(6) for start in (0, 5, 10)]
    number, since, until = (np.array(column, np.int64) for column in zip(*intervals, strict=True))
    known = KnownEntities(pa.table({"shop": list("abcdef")}), number, since, until)
    instants = np.array(sorted(drawn.sample(range(-1, 16), 6)), np.int64)
    keys, at = known.at_each(instants)
    expected = [
        ("abcdef"[entity], instant)
        for entity in range(6)
        for instant in instants.tolist()
        if any(start <= instant < end for other, start, end in intervals if other == entity)
    ]
    assert list(zip(keys["shop"].to_pylist(), at.tolist(), strict=True)) == expected
    for instant in instants.tolist():
        shops = [shop for shop, other in expected if other == instant]
        assert known.at(instant)["shop"].to_pylist() == shops
        assert known.count_at(instant) == len(shops)

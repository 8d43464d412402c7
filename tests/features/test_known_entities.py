"""When each entity became known, beside a plain dictionary."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest

from ml_platform.features.known_entities import first_known
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

"""Questions and cells cut by entity into blocks, so that what is worked on fits the processor's cache.

Cells are stored chunk by chunk, sorted by entity: a block takes one stretch of each chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from typing import Protocol

import numpy as np
import pyarrow as pa

from ml_platform.core.engines.exact_sums import combined, widened
from ml_platform.core.engines.interval_index import Ints
from ml_platform.features.tiles import Grain

_ROWS = 2**16
"""Cells and questions of a block: some of their columns together fit into the cache of one core."""
_STRETCH = 2**10
"""Cells of one chunk in one block, on average, at least: many small chunks are not cut into slivers."""
_SAMPLED = 64


@dataclass(frozen=True)
class EntityTicks:
    """Distinct questions sorted by entity and tick.

    Attributes
    ----------
    number
        Which of them each row asks.
    """

    entity: Ints
    tick: Ints
    number: Ints

    @classmethod
    def of(cls, entity: Ints, tick: Ints) -> EntityTicks:
        """Sort what rows ask, and keep each question once."""
        if _rises(entity, tick):
            return cls(entity, tick, np.arange(len(entity)))
        order = _sorted_places(entity, tick)
        entity, tick = entity[order], tick[order]
        new = np.ones(len(order), bool)
        new[1:] = (entity[1:] != entity[:-1]) | (tick[1:] != tick[:-1])
        number = np.empty(len(order), np.int64)
        number[order] = np.cumsum(new) - 1
        return cls(entity[new], tick[new], number)


def _rises(entity: Ints, tick: Ints) -> bool:
    """Return whether each question comes after the one before it."""
    same = entity[1:] == entity[:-1]
    return bool(((entity[1:] > entity[:-1]) | (same & (tick[1:] > tick[:-1]))).all())


def _sorted_places(entity: Ints, tick: Ints) -> Ints:
    if len(tick) == 0:
        return np.zeros(0, np.int64)
    least, first = int(entity.min()), int(tick.min())
    width = int(tick.max()) - first + 1
    if (int(entity.max()) - least + 1) * width >= 2**62:
        return np.lexsort((tick, entity))
    return np.argsort((entity - least) * width + (tick - first))


class Cells(Protocol):
    """Cells as they are looked up: stored ones (`StoredCells`), or such as were just computed."""

    @property
    def grain(self) -> Grain:
        """How finely rows are kept apart."""

    @property
    def replaced(self) -> bool:
        """Whether any row in the cells was replaced by a later one."""

    @property
    def prompt(self) -> bool:
        """Whether every cell was known by the first tick at or after its events."""

    def by_chunk(self, columns: Sequence[str]) -> list[pa.Table]:
        """Return columns of the cells as one or more tables, each sorted by key."""


class CellColumns:
    """Columns of cells, one table for each chunk; those that few questions need are read when they are asked for."""

    def __init__(self, cells: Cells, names: Sequence[str]) -> None:
        self._cells, self._lock, self.chunks = cells, Lock(), cells.by_chunk(names)

    def of(self, name: str, stretches: Sequence[tuple[int, int]]) -> pa.Array:
        """Return a column's stretches, one of each chunk, as one array."""
        with self._lock:
            if name not in self.chunks[0].column_names:
                more = self._cells.by_chunk([name])
                self.chunks = [
                    one.append_column(name, other[name]) for one, other in zip(self.chunks, more, strict=True)
                ]
        pieces = [
            combined(chunk[name]).slice(start, end - start)
            for chunk, (start, end) in zip(self.chunks, stretches, strict=True)
            if end > start
        ]
        return pa.concat_arrays(widened(pieces)) if pieces else combined(self.chunks[0][name]).slice(0, 0)


@dataclass(frozen=True)
class Block:
    """The cells of some entities, and all questions about them. Columns are put together when they are asked for.

    Attributes
    ----------
    first
        The number of its first entity; `numbers`, by chunk, are those of all cells.
    asked_entity
        Counted from the first, as `entity` is; that of one without cells may be -1.
    """

    columns: CellColumns
    numbers: Sequence[Ints]
    first: int
    stretches: Sequence[tuple[int, int]]
    asked_entity: Ints
    tick: Ints

    @property
    def entity(self) -> Ints:
        """The entity of each cell, counted from the first."""
        pieces = zip(self.numbers, self.stretches, strict=True)
        codes: Ints = np.concatenate([number[start:end] for number, (start, end) in pieces])
        return np.subtract(codes, self.first, out=codes)

    def column(self, name: str) -> pa.Array:
        """Return a column of the cells."""
        return self.columns.of(name, self.stretches)


def cut(columns: CellColumns, numbers: Sequence[Ints], questions: EntityTicks) -> list[Block]:
    """Return the blocks that questions are asked about, in the order of questions.

    Parameters
    ----------
    numbers
        The number of each cell's entity, by chunk.
    """
    cuts = _cuts(numbers, questions.entity)
    ends = [[0, *np.searchsorted(number, cuts).tolist(), len(number)] for number in numbers]
    asked = [0, *np.searchsorted(questions.entity, cuts).tolist(), len(questions.entity)]
    firsts = [min((int(number[0]) for number in numbers if len(number)), default=0), *cuts.tolist()]
    blocks = []
    for place, (first, (start, end)) in enumerate(zip(firsts, pairwise(asked), strict=True)):
        stretches = [(edges[place], edges[place + 1]) for edges in ends]
        asked_entity = np.maximum(questions.entity[start:end] - first, -1)
        blocks.append(Block(columns, numbers, first, stretches, asked_entity, questions.tick[start:end]))
    return [block for block in blocks if len(block.tick)] or blocks[:1]


def _cuts(numbers: Sequence[Ints], asked: Ints) -> Ints:
    """Return the entities with which a block begins, but for the first."""
    cells = sum(len(number) for number in numbers)
    count = min((cells + len(asked)) // _ROWS, cells // (_STRETCH * len(numbers)))
    sample = np.sort(np.concatenate([column[::_SAMPLED] for column in (*numbers, asked)]))
    return np.unique(sample[len(sample) * np.arange(1, max(count, 1)) // max(count, 1)])

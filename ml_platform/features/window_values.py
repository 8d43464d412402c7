"""Aggregates of a source's rows over a window that ends before each question, with nothing stored in between.

The answers are those of a feature table with these features whose ticks are the questions' own instants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import gcd
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.canonical_order import sorted_by
from ml_platform.core.clock import MICROSECOND
from ml_platform.core.engines import Engine
from ml_platform.core.engines.interval_index import Ints
from ml_platform.declarations.aggregates import Feature, PartialAggregate
from ml_platform.declarations.source import ColumnType
from ml_platform.declarations.types import Window
from ml_platform.features.aggregates.answers import WindowedAggregate, WindowedFeature
from ml_platform.features.aggregates.partials import parts_of
from ml_platform.features.lookup import TICK, lookup_by_join, lookup_by_ranges
from ml_platform.features.point_in_time import QUESTION, each_once, finished, numbered_questions, shared_out
from ml_platform.features.row_cells import cells_for_once
from ml_platform.features.tiles import (
    EVENT_UNIT,
    KNOWN_FROM,
    KNOWN_UNTIL,
    Grain,
    cell_columns,
    float_spans,
    grouped,
    placed,
)
from ml_platform.sources.source_log import FOREVER


@dataclass(frozen=True)
class ForwardWindow:
    """Events in ``(t + after, t + within]``, as known at ``t + within + settle``."""

    after: timedelta
    within: timedelta
    settle: timedelta

    @property
    def horizon(self) -> timedelta:
        """From the question to when it is answered."""
        return self.within + self.settle

    @property
    def looking_back(self) -> Window:
        """The same window, seen from when it is answered."""
        return Window(self.after - self.horizon, -self.settle)


@dataclass(frozen=True)
class RowCells:
    """Cells in memory, sorted by key, in the shape in which those of a feature table are read."""

    table: pa.Table
    grain: Grain

    @property
    def replaced(self) -> bool:
        """Whether any row in the cells was replaced by a later one."""
        return bool(pc.min(self.table[KNOWN_UNTIL]).as_py() < FOREVER) if len(self.table) else False

    @property
    def prompt(self) -> bool:
        """Whether every cell was known by the first tick at or after its events."""
        happened = -(-self.table[EVENT_UNIT].to_numpy() // self.grain.units)
        return bool((happened >= self.table[KNOWN_FROM].to_numpy()).all())

    def by_chunk(self, columns: Sequence[str]) -> list[pa.Table]:
        """Return columns of the cells, as one chunk."""
        return [self.table.select(list(columns))]


def window_values(
    engine: Engine,
    rows: Any,
    features: Mapping[str, Feature],
    types: Mapping[str, ColumnType],
    asked: pa.Table,
    instant: str,
    window: ForwardWindow,
    threads: int = 1,
) -> pa.Table:
    """Return what each of some aggregates is for every question.

    Parameters
    ----------
    rows
        Source rows of numbered chunks (`ml_platform.sources.source_log.numbered_versions`), for Ibis.
    features
        The aggregates by the names that their columns get.
    types
        The types of the source's columns.
    asked
        Questions: the key columns of the source's rows, and `instant` in int64 microseconds since 1970 UTC.

    Returns
    -------
    The questions in their order, with a column for each aggregate.

    Raises
    ------
    ValueTooLarge
        Where a value is too large for exact sums.
    """
    keys = [name for name in asked.column_names if name != instant]
    settled = asked[instant].to_numpy() + window.horizon // MICROSECOND
    grain = _grain(keys, settled, window)
    cells = sorted_by(cells_for_once(engine, rows, grain, _parts(features, types)), cell_columns(grain))
    return _answered(engine, RowCells(cells, grain), features, types, asked, settled, window, threads)


def pair_values(
    engine: Engine,
    pairs: Any,
    features: Mapping[str, Feature],
    types: Mapping[str, ColumnType],
    asked: pa.Table,
    instant: str,
    window: ForwardWindow,
    threads: int = 1,
) -> pa.Table:
    """Return `window_values` where rows were already matched with questions, and compared with them.

    Each question has one cell, with all rows that count for it.

    Parameters
    ----------
    pairs
        A source row of numbered chunks and the number of a question for which it counts, for Ibis.
    asked
        Questions: their number from 0, in the column that `pairs` has too, and `instant` in int64 microseconds since
        1970 UTC.
    """
    (place,) = (name for name in asked.column_names if name != instant)
    settled = asked[instant].to_numpy() + window.horizon // MICROSECOND
    grain, parts = _grain([place], settled, window), _parts(features, types)
    if any(part.limb is not None for part in parts.values()):  # floats are looked at before they are added up
        pairs = engine.keep("label_pairs", pairs)
    spans = float_spans(engine, pairs, parts)
    cells = sorted_by(grouped(engine, placed(pairs), [place], parts, spans), [place])
    at = settled[cells[place].to_numpy()]
    times = {
        EVENT_UNIT: (at - window.settle // MICROSECOND) // grain.unit,
        KNOWN_FROM: at // grain.step,
        KNOWN_UNTIL: np.full(len(at), FOREVER),
    }
    for name, column in times.items():
        cells = cells.append_column(name, pa.array(column))
    return _answered(engine, RowCells(cells, grain), features, types, asked, settled, window, threads)


def _parts(features: Mapping[str, Feature], types: Mapping[str, ColumnType]) -> dict[str, PartialAggregate]:
    return {part.column: part for feature in features.values() for part in parts_of(feature, types)}


def _answered(
    engine: Engine,
    cells: RowCells,
    features: Mapping[str, Feature],
    types: Mapping[str, ColumnType],
    asked: pa.Table,
    settled: Ints,
    window: ForwardWindow,
    threads: int,
) -> pa.Table:
    """Return questions with what cells give for each of some aggregates."""
    zeros = [column for column in _parts(features, types) if column not in cells.table.column_names]
    answers = {name: WindowedFeature(item, window.looking_back, types, zeros) for name, item in features.items()}
    ticked = asked.select(list(cells.grain.keys)).append_column(TICK, pa.array(settled // cells.grain.step))
    merged_parts, number = _merged(engine, cells, ticked, list(answers.values()), threads)
    merged_parts = finished(engine, merged_parts, list(answers.values()))
    values = _values(merged_parts, answers, cells.grain, window)
    return shared_out(asked, engine.run(values.select(QUESTION, *features)), number, threads)


def _grain(keys: Sequence[str], settled: Ints, window: ForwardWindow) -> Grain:
    """Return the coarsest grain that distinguishes all times at which questions need values."""
    step = int(np.gcd.reduce(settled)) if len(settled) else 0
    looking_back = window.looking_back
    ends = [end // MICROSECOND for end in (looking_back.start, looking_back.end) if end is not None]
    step = step or 1
    return Grain(tuple(keys), None, gcd(step, *ends), step)


def _merged(
    engine: Engine, cells: RowCells, asked: pa.Table, answers: Sequence[WindowedFeature], threads: int
) -> tuple[Any, Ints]:
    """Return the parts of distinct questions, and which of them each row asks."""
    wanted: dict[str, WindowedAggregate] = {item.column: item for answer in answers for item in answer.wanted()}
    merged = [item for item in wanted.values() if item.part.measure not in ("order", "earliest")]
    same = {key: key for key in cells.grain.keys}
    if engine.shares_memory:
        looked_up = lookup_by_ranges(cells, asked, same, merged, threads)
        return numbered_questions(looked_up.parts), looked_up.number
    once, number = each_once(asked)
    questions = engine.arrow("label_questions", numbered_questions(once))
    rows = engine.arrow("label_cells", cells.table)
    return engine.keep("label_parts", lookup_by_join(rows, cells.grain, questions, same, merged)), number


def _values(parts: Any, answers: Mapping[str, WindowedFeature], grain: Grain, window: ForwardWindow) -> Any:
    import ibis

    tick = parts[TICK] * ibis.literal(grain.step, "int64")
    asked = tick - ibis.literal(window.horizon // MICROSECOND, "int64")
    end = tick - ibis.literal(window.settle // MICROSECOND, "int64")
    return parts.mutate(**{name: answer.value(parts, tick, asked, end) for name, answer in answers.items()})

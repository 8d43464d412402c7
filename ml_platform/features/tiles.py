"""Cells: what a feature table keeps of its source's rows.

Rows of one entity that enter and leave every window at the same ticks are one cell, with the parts of the table's
features. A cell follows from one chunk of the source's log alone, so that new rows make new cells and change none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import gcd
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND
from ml_platform.core.engines import Engine
from ml_platform.core.engines.float_limbs import FEW_ROWS, Span, spans_of
from ml_platform.core.engines.ibis_functions import ticks_up
from ml_platform.core.expressions import parse_expression
from ml_platform.declarations.aggregates import PartialAggregate
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.resolve import column_types
from ml_platform.declarations.source import SourceSpec
from ml_platform.features.aggregates.partials import EVENT_US, PLACE, RowParts, parts_of, with_counts
from ml_platform.sources.source_log import CHUNK, FOREVER, KNOWN, ROW, UNTIL

EVENT_UNIT, KNOWN_FROM, KNOWN_UNTIL = "_event_unit", "_known_tick", "_until_tick"
_ROWS = "_rows"


@dataclass(frozen=True)
class Grain:
    """How finely a feature table keeps its source's rows apart.

    Attributes
    ----------
    where
        The table's own condition: other rows are in no cell.
    unit
        Microseconds; divides the refresh interval and both ends of every window, so that two events within one unit
        are in the same windows at every tick.
    step
        The refresh interval in microseconds.
    """

    keys: tuple[str, ...]
    where: str | None
    unit: int
    step: int

    @classmethod
    def of(cls, spec: FeatureTableSpec, keys: Sequence[str]) -> Grain:
        """Return the grain of a table over an entity's key columns."""
        step = spec.refresh // MICROSECOND
        windows = [window for feature in spec.features.values() for window in feature.windows]
        ends = [end // MICROSECOND for window in windows for end in (window.start, window.end) if end is not None]
        return cls(tuple(keys), spec.where, gcd(step, *ends), step)

    @property
    def units(self) -> int:
        """How many units one refresh interval has."""
        return self.step // self.unit

    def in_units(self, end: timedelta) -> int:
        """Return an end of a window in units."""
        return (end // MICROSECOND) // self.unit


def base_columns(grain: Grain) -> list[str]:
    """Return the columns that identify a cell, in their canonical order."""
    return [CHUNK, *cell_columns(grain)]


def cell_columns(grain: Grain) -> list[str]:
    """Return the columns that identify a cell of all chunks, in their canonical order."""
    return [*grain.keys, EVENT_UNIT, KNOWN_FROM, KNOWN_UNTIL]


def table_parts(spec: FeatureTableSpec, source: SourceSpec) -> dict[str, PartialAggregate]:
    """Return every part that a table's features need, by column."""
    columns = column_types(source)
    parts = (part for feature in spec.features.values() for part in parts_of(feature, columns))
    return {part.column: part for part in parts}


def float_spans(engine: Engine, rows: Any, parts: Mapping[str, PartialAggregate]) -> dict[str, Span]:
    """Return the smallest and the largest absolute value, beside zero, of every expression whose floats are summed."""
    texts = sorted({part.expression for part in parts.values() if part.limb is not None and part.expression})
    if not texts:
        return {}
    values = {str(number): parse_expression(text).to_ibis(rows) for number, text in enumerate(texts)}
    extremes = engine.run(rows.aggregate(**spans_of(values))).to_pylist()[0]
    return {text: (extremes[f"min_{number}"], extremes[f"max_{number}"]) for number, text in enumerate(texts)}


def cells_of(engine: Engine, rows: Any, grain: Grain, parts: Mapping[str, PartialAggregate]) -> pa.Table:
    """Return the cells of source rows, without the limbs of floats that are zero in all of them.

    Cells of few rows are the rule, and their floats are summed faster. Where a cell has more, that is done over.

    Parameters
    ----------
    rows
        Source rows of numbered chunks (`numbered_versions`).
    """
    return grouped(engine, timed_rows(rows, grain), base_columns(grain), parts, float_spans(engine, rows, parts))


def grouped(
    engine: Engine, rows: Any, by: Sequence[str], parts: Mapping[str, PartialAggregate], spans: Mapping[str, Span]
) -> pa.Table:
    """Return the parts of groups of source rows, without the limbs of floats that are zero in all of them.

    Parameters
    ----------
    rows
        Source rows with their place in the log (`PLACE`), for Ibis.
    by
        The columns that identify a group.
    spans
        Of the rows, or of more (`float_spans`).
    """
    groups = engine.run(_groups(rows, by, parts, spans, few=True))
    if spans and (pc.max(groups[_ROWS]).as_py() or 0) > FEW_ROWS:
        groups = engine.run(_groups(rows, by, parts, spans, few=False))
    return with_counts(groups.drop(_ROWS))


def placed(rows: Any) -> Any:
    """Return source rows of numbered chunks with their place in the log, for Ibis."""
    import ibis

    return rows.mutate(**{PLACE: rows[CHUNK] * ibis.literal(2**32, "int64") + rows[ROW]})


def timed_rows(rows: Any, grain: Grain) -> Any:
    """Return source rows with the times that identify their cells, for Ibis."""
    import ibis

    if grain.where is not None:
        rows = rows.filter(parse_expression(grain.where).to_ibis(rows))
    rows = rows.filter([rows[key].notnull() for key in grain.keys])
    until = ibis.ifelse(rows[UNTIL] == FOREVER, FOREVER, ticks_up(rows[UNTIL], grain.step))
    timed = rows.mutate(
        **{EVENT_UNIT: ticks_up(rows[EVENT_US], grain.unit), KNOWN_FROM: ticks_up(rows[KNOWN], grain.step)},
        **{KNOWN_UNTIL: until},
    )
    return placed(timed.filter(timed[KNOWN_FROM] < timed[KNOWN_UNTIL]))


def _groups(
    rows: Any, by: Sequence[str], parts: Mapping[str, PartialAggregate], spans: Mapping[str, Span], *, few: bool
) -> Any:
    """Return the parts of groups of rows, for Ibis, each with the number of its rows."""
    row_parts = RowParts(rows, parts.values(), spans, by)
    by_group = row_parts.rows.group_by(list(by))
    return by_group.aggregate(**row_parts.aggregates(few=few), **{_ROWS: row_parts.rows.count()})

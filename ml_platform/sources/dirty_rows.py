"""Clean rows of what was read, and dirty ones apart: those that do not fit the declaration, with reason and place.

A dirty row has the declared columns, null where a cell does not fit, and columns about it (`ABOUT`). It is either in
quarantine, or it was ingested without a value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml_platform.core.hashing import canonical_json
from ml_platform.declarations.row_policies import accepts_dirty_rows, on_error_of
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.bad_cells import Bad, BadCells, Reason
from ml_platform.sources.conform import TYPES, conform
from ml_platform.sources.reading.batch import Batch
from ml_platform.sources.row_times import require_times
from ml_platform.storage.artifact_kinds.quarantine import DirtyCount

DIRTY = "dirty_rows"
"""The staged table of an ingest's dirty rows."""
PART, NUMBER, LINE = "_part", "_number", "_line"
COLUMN, REASON, PROBLEM, CELLS, TEXT, HANDLED = "_column", "_reason", "_problem", "_cells", "_text", "_handled"
ABOUT = pa.schema(
    [
        *((PART, pa.string()), (NUMBER, pa.int64()), (LINE, pa.int64()), (COLUMN, pa.string())),
        *((REASON, pa.string()), (PROBLEM, pa.string()), (CELLS, pa.string()), (TEXT, pa.string())),
        (HANDLED, pa.string()),
    ]
)
"""Of each dirty row: the part that it was read from, its number in it (1 is the first row) and its line; the first
column that does not fit, why, and in words; the cells that do not fit, as JSON; the text of a row without cells; and
whether it went into ``quarantine`` or was ingested with ``null``."""
QUARANTINED, NULLED = "quarantine", "null"


@dataclass(frozen=True)
class Separated:
    """The rows of one batch.

    Attributes
    ----------
    clean
        The declared columns of the rows to ingest.
    places
        The 0-based place of each of them among the rows of the batch.
    every
        The declared columns of all rows with cells, null where a cell does not fit.
    dirty
        The dirty rows, those that are ingested without a value too; None where there are none.
    """

    clean: pa.Table
    places: npt.NDArray[np.int64]
    every: pa.Table
    dirty: pa.Table | None


def dirty_schema(spec: SourceSpec) -> pa.Schema:
    """Return the schema of a source's dirty rows."""
    return pa.schema([*ABOUT, *((name, TYPES[column.type]) for name, column in spec.columns.items())])


def separate(batch: Batch, spec: SourceSpec, part: str, first: int) -> Separated:
    """Return the rows of a batch in their declared types, the dirty ones apart.

    Parameters
    ----------
    first
        How many rows of the part came before.

    Raises
    ------
    SourceError
        For the first row that does not fit where its policy is ``fail``.
    """
    batch = replace(batch, table=_with_missing(batch.table, spec))
    table, places = batch.table, batch.places
    bad = BadCells(spec, table.num_rows) if accepts_dirty_rows(spec) else None
    every = conform(table, spec, part, first, places=places, bad=bad, is_utf8=batch.is_utf8)
    numbered: Sequence[int] = range(table.num_rows) if places is None else places
    require_times(every, table, spec, part, (first, numbered), bad)
    all_places = np.arange(table.num_rows) if places is None else np.asarray(places, np.int64)
    if bad is None or not (bad.cells or batch.refused):
        return Separated(every, all_places, every, None)
    refused = _refused_rows(spec, bad)
    keep = np.ones(table.num_rows, np.bool_)
    keep[list(refused)] = False
    dirty = pa.concat_tables(
        [_cells_table(batch, spec, part, first, every, bad, refused), _lines(batch, spec, part, first)]
    )
    return Separated(every.filter(pa.array(keep)), all_places[keep], every, dirty)


def _with_missing(table: pa.Table, spec: SourceSpec) -> pa.Table:
    """Return rows with the declared columns that a part lacks, and may lack, as nulls."""
    for name in spec.columns:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows))
    return table


def duplicates_table(spec: SourceSpec, rows: pa.Table, places: Sequence[tuple[str, int]]) -> pa.Table:
    """Return rows that share key and known-at with others as dirty rows.

    Parameters
    ----------
    places
        Of each row, its part and its number in it.
    """
    about = [
        _about(part, number, None, spec.key[0], "duplicate_key", "has the same key and known-at as another row")
        for part, number in places
    ]
    return _with_about(about, rows.select(list(spec.columns))).cast(dirty_schema(spec))


def counts_in(tables: Iterable[pa.Table | pa.RecordBatch]) -> tuple[DirtyCount, ...]:
    """Return how many of some dirty rows there are for each reason, the most frequent first."""
    counted = Counter[tuple[str, str, str | None]]()
    for table in tables:
        counted.update(zip(*(table[name].to_pylist() for name in (REASON, HANDLED, COLUMN)), strict=True))
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0][0], item[0][2] or "", item[0][1]))
    return tuple(
        DirtyCount(reason=reason, handled=handled, rows=rows, **({"column": column} if column is not None else {}))
        for (reason, handled, column), rows in ordered
    )


def _refused_rows(spec: SourceSpec, bad: BadCells) -> set[int]:
    refused = [cells.rows.tolist() for cells in bad.cells if on_error_of(spec, cells.column) == "quarantine"]
    return {row for rows in refused for row in rows}


def _cells_table(
    batch: Batch, spec: SourceSpec, part: str, first: int, every: pa.Table, bad: BadCells, refused: set[int]
) -> pa.Table:
    """Return the rows with cells that do not fit: of those in quarantine, the first cell that put them there."""
    by_row: dict[int, list[tuple[Bad, str | None]]] = {}
    for cells in bad.cells:
        for row, text in zip(cells.rows.tolist(), cells.texts, strict=True):
            by_row.setdefault(row, []).append((cells, text))
    rows = sorted(by_row)
    lines: Sequence[int | None] = batch.lines(rows) if batch.lines is not None and rows else [None] * len(rows)
    about = []
    for row, line in zip(rows, lines, strict=True):
        handled = QUARANTINED if row in refused else NULLED
        cause = next(cells for cells, _ in by_row[row] if on_error_of(spec, cells.column) == handled)
        place = first + (row if batch.places is None else batch.places[row]) + 1
        texts = {cells.column: text for cells, text in by_row[row]}
        about.append(_about(part, place, line, cause.column, cause.reason, cause.problem, texts, handled=handled))
    return _with_about(about, every.take(pa.array(rows, pa.int64())))


def _lines(batch: Batch, spec: SourceSpec, part: str, first: int) -> pa.Table:
    """Return what is no row, without a value in any declared column."""
    about = [
        _about(part, first + item.place + 1, item.line, None, "wrong_cell_count", item.problem, text=item.text)
        for item in batch.refused
    ]
    empty = {name: pa.nulls(len(about), TYPES[column.type]) for name, column in spec.columns.items()}
    return _with_about(about, pa.table(empty))


def _about(
    part: str,
    number: int,
    line: int | None,
    column: str | None,
    reason: Reason,
    problem: str,
    cells: dict[str, str | None] | None = None,
    text: str | None = None,
    handled: str = QUARANTINED,
) -> tuple[object, ...]:
    shown = canonical_json(cells).decode() if cells else None
    return part, number, line, column, reason, problem, shown, text, handled


def _with_about(about: Sequence[tuple[object, ...]], rows: pa.Table) -> pa.Table:
    columns = zip(*about, strict=True) if about else [() for _ in ABOUT]
    about_columns = {
        field.name: pa.array(list(values), field.type) for field, values in zip(ABOUT, columns, strict=True)
    }
    return pa.table({**about_columns, **{name: rows[name] for name in rows.column_names}})

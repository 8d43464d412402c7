"""Columns that appear and disappear between the parts of a source, in words that name both parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml_platform.core.errors import ColumnChanged, PlatformError, SchemaChanged
from ml_platform.declarations.source import ColumnType, SourceSpec

if TYPE_CHECKING:
    import pyarrow as pa

    from ml_platform.sources.read_rows import ReadPart
    from ml_platform.sources.reading.reader import SourcePart

_LOOKED_AT = 20


@dataclass(frozen=True)
class ColumnChange:
    """A column that one part has and another has not.

    Attributes
    ----------
    part
        The part with a new column, or without a declared one.
    other
        A part that differs from it, which may be the part itself as it was read before; empty where none is known.
    """

    column: str
    is_new: bool
    part: str
    other: str

    def note(self) -> str:
        """Return it as a sentence."""
        if self.is_new:
            return f"column {self.column} is new: {self.part} has it, and {_lacks(self.part, self.other, 'does not')}"
        had = "had it when it was read before" if self.other == self.part else "has it"
        other = f", and {self.other} {had}" if self.other else ""
        return f"column {self.column} is missing in {self.part}{other}: its values are null"


@dataclass(frozen=True)
class PartColumns:
    """The columns of a source's parts, where it declares a policy for changes.

    Attributes
    ----------
    first_part
        The first part that had a column, by column.
    """

    first_part: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[ColumnChange, ...] = ()


def columns_of_parts(spec: SourceSpec, last: PartColumns, parts: Sequence[ReadPart]) -> PartColumns:
    """Return the columns of all parts as of a reading; `last` is as of the reading before.

    Raises
    ------
    ColumnChanged
        For the first new column, where the source declares ``new_columns: fail``.
    """
    if spec.new_columns in (None, "ignore") and spec.missing_columns != "null":
        return PartColumns()
    first, read = dict(last.first_part), {part.name: part.columns for part in parts if part.columns is not None}
    changes = [
        change
        for change in last.changes
        if change.part not in read or (change.is_new and change.column in read[change.part])
    ]
    for part in parts:
        changes += _changes(spec, first, part)
        for column in part.columns or ():
            first.setdefault(column, part.name)
    return PartColumns(first, tuple(changes))


def _changes(spec: SourceSpec, first: Mapping[str, str], part: ReadPart) -> Iterator[ColumnChange]:
    if part.columns is None:
        return
    for column in spec.columns:
        if column not in part.columns:
            yield ColumnChange(column, False, part.name, first.get(column, ""))
    if not first or spec.new_columns in (None, "ignore"):
        return
    other = next((name for name in first.values() if name != part.name), part.name)
    for column in part.columns:
        if column in spec.columns or column in first:
            continue
        if spec.new_columns == "fail":
            problem = f"column {column} is new: {_lacks(part.name, other, 'does not have it')}"
            remedy = "Declare it under columns, or write new_columns: report."
            raise ColumnChanged(spec.name, part.name, problem, remedy)
        yield ColumnChange(column, True, part.name, other)


def _lacks(part: str, other: str, does_not: str) -> str:
    return "did not when it was read before" if part == other else f"{other} {does_not}"


def beside_other_part(error: SchemaChanged, spec: SourceSpec, parts: Sequence[SourcePart]) -> SchemaChanged:
    """Return an error about a column with another part of the source in which the column is as declared."""
    from ml_platform.sources.reading.batch import Batch

    others = [part for part in parts if not str(error).startswith(f"source {error.source}: {part.name}:")]
    is_changed, column = isinstance(error, ColumnChanged) or error.read_as is not None, error.column
    if not is_changed or not column:
        return error
    for part in others[:_LOOKED_AT]:
        try:
            batches: Any = part.tables()
            with closing(batches):
                batch = next(batches, None)
        except PlatformError:
            continue
        table = batch.table if isinstance(batch, Batch) else batch
        if table is not None and column in table.column_names and table[column].type != "null":
            there = _there(error, spec.columns[column].type, table[column])
            return error.beside(f"{part.name} has {there}") if there else error
    return error


def _there(error: SchemaChanged, declared: ColumnType, values: pa.ChunkedArray) -> str:
    """Return how a column is in another part; "" where it is as in the part with the error."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from ml_platform.sources.column_faults import is_text

    if not is_text(values.type):
        return "" if error.read_as == str(values.type) else f"it as {values.type}"
    if error.read_as is None:
        return "it"
    try:
        pc.cast(values, pa.float64())
    except pa.ArrowInvalid:
        return ""
    return "numbers in it" if declared in ("int", "float") else ""

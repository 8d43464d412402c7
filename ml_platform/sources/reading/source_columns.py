"""Columns that have another name in the input: they are read by that name, and have the declared one from then on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ml_platform.core.errors import SourceError
from ml_platform.sources.reading.batch import Batch
from ml_platform.sources.reading.reader import SourcePart, reader_of

if TYPE_CHECKING:
    from ml_platform.declarations.source import SourceSpec
    from ml_platform.project import Project


def source_parts(project: Project, spec: SourceSpec, after: str | None = None) -> Sequence[SourcePart]:
    """Return the parts of a source, as its reader gives them, whose columns have the declared names.

    Parameters
    ----------
    after
        Where there is a cursor, the text of its largest value so far: only rows beyond are read.

    Raises
    ------
    SourceError
        Where parts are missing or cannot be reached.
    """
    declared = {column.source_column or name: name for name, column in spec.columns.items()}
    if all(read == name for read, name in declared.items()):
        return reader_of(spec).parts(project, spec, after)
    as_read = _as_in_the_input(spec)
    with _declared_columns(declared):
        return [_renamed(part, declared) for part in reader_of(as_read).parts(project, as_read, after)]


@contextmanager
def _declared_columns(declared: Mapping[str, str]) -> Iterator[None]:
    """Let errors point to the declared column, by which its place in the declaration is found."""
    try:
        yield
    except SourceError as error:
        error.column = declared.get(error.column or "", error.column)
        raise


def _as_in_the_input(spec: SourceSpec) -> SourceSpec:
    """Return a source whose columns, key, times and cursor have the names that they have in the input."""
    names = {name: column.source_column or name for name, column in spec.columns.items()}
    reader, known = spec.reader, spec.known_at
    if reader.cursor is not None:
        value = reader.value.model_copy(update={"cursor": names[reader.cursor]})
        reader = reader.model_copy(update={reader.name: value})
    if known.column is not None:
        known = known.model_copy(update={"column": names[known.column]})
    return spec.model_copy(
        update={
            "columns": {names[name]: column for name, column in spec.columns.items()},
            "key": tuple(names[name] for name in spec.key),
            "event_timestamp": names[spec.event_timestamp],
            "known_at": known,
            "reader": reader,
        }
    )


def _renamed(part: SourcePart, declared: Mapping[str, str]) -> SourcePart:
    def tables() -> Iterator[Batch]:
        with _declared_columns(declared):
            for raw in part.tables():
                yield _with_names(raw if isinstance(raw, Batch) else Batch(raw), declared)

    def since(end: str, rows: int) -> SourcePart | None:
        rest = part.since(end, rows)
        return None if rest is None else _renamed(rest, declared)

    return replace(part, tables=tables, since=since)


def _with_names(batch: Batch, declared: Mapping[str, str]) -> Batch:
    """Return a batch whose columns have the declared names; another column of such a name is no declared one."""
    table: Any = batch.table
    table = table.rename_columns([declared[name] for name in table.column_names])
    if batch.columns is None:
        return replace(batch, table=table)
    taken = set(declared.values())
    columns = [declared.get(name, name) for name in batch.columns if name in declared or name not in taken]
    return replace(batch, table=table, columns=columns)

"""The rows of a CSV or Parquet file that somebody brings, read as strictly as a source is."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from ml_platform.core.errors import SourceError
from ml_platform.declarations.source import Column, SourceSpec
from ml_platform.sources.conform import TYPES, conform
from ml_platform.sources.reading.csv_blocks import first_row_end
from ml_platform.sources.reading.csv_cells import read_csv
from ml_platform.sources.reading.csv_dialect import PLAIN, Dialect
from ml_platform.sources.reading.csv_rows import split_rows
from ml_platform.sources.reading.parquet_rows import read_parquet
from ml_platform.sources.reading.reader import Reader, reader_of

_LONGEST_HEADER = 1 << 20


def read_rows_file(file: Path, name: str, column_of: Callable[[str], Column]) -> pa.Table:
    """Return all columns of a file in the types that they should have, read as a source with these columns is read.

    Parameters
    ----------
    name
        For messages: of the source that the rows are like.
    column_of
        Returns how a column of the file is declared, by its name.

    Raises
    ------
    SourceError
        With the column and the first row (1 is the first data row) that does not fit.
    """
    return pa.concat_tables(rows_file_tables(file, name, column_of))


def rows_file_tables(
    file: Path, name: str, column_of: Callable[[str], Column], like: SourceSpec | None = None
) -> Iterator[pa.Table]:
    """Yield the rows of `read_rows_file` in several tables, of which the first has no row.

    Parameters
    ----------
    like
        A source. A CSV file with a header like its files is read as they are, and its columns get the declared names.

    Raises
    ------
    SourceError
    """
    is_parquet, where = file.suffix == ".parquet", str(file)
    names, reader = (_parquet_names(file, name), None) if is_parquet else _csv_names(file, name, like)
    declared = _declared_names(names, like)
    columns = {column: column_of(declared[column]) for column in names}
    spec = _spec(name, is_parquet, where, columns)
    if reader is not None:
        spec = spec.model_copy(update={"reader": reader})
    yield pa.schema([(declared[name], TYPES[column.type]) for name, column in columns.items()]).empty_table()
    read_any = partial(read_csv, dialect=(reader and reader.dialect) or PLAIN)
    before = 0
    for batch in (read_parquet if is_parquet else read_any)(LocalFileSystem(), where, spec, where):
        rows = conform(batch.table, spec, where, before)
        yield rows.rename_columns([declared[name] for name in rows.column_names])
        before += batch.table.num_rows


def _declared_names(names: Sequence[str], like: SourceSpec | None) -> dict[str, str]:
    """Return the declared names by those in the file; a name that is a declared one itself stays."""
    columns = like.columns if like is not None else {}
    declared = {column.source_column: name for name, column in columns.items() if column.source_column}
    return {name: name if declared.get(name) in names else declared.get(name, name) for name in names}


def _spec(name: str, is_parquet: bool, where: str, columns: dict[str, Column]) -> SourceSpec:
    reader = {"parquet" if is_parquet else "csv": where}
    about = {"reader": reader, "key": ["key"], "event_timestamp": "at", "known_at": {"delay": "0s"}}
    read = SourceSpec.model_validate({**about, "name": name, "columns": {"key": "string", "at": "timestamp"}})
    optional = {column: declared.model_copy(update={"required": False}) for column, declared in columns.items()}
    return read.model_copy(update={"columns": optional})


def _csv_names(file: Path, name: str, like: SourceSpec | None) -> tuple[Sequence[str], Reader | None]:
    """Return the names in the header, and the reader of the source that has files with such a header."""
    with file.open("rb") as opened:
        block = opened.read(_LONGEST_HEADER)
    reader = reader_of(like) if like is not None else None
    if like is not None and reader is not None and reader.dialect is not None:
        known = {column.source_column or name for name, column in like.columns.items()}
        names = _header(block, reader.dialect)
        if known & {*names}:
            return names, reader
    names = _header(block, PLAIN)
    if not names:
        raise SourceError(name, str(file), "it has no header", "Write the columns' names in the first row.")
    return names, None


def _header(block: bytes, dialect: Dialect) -> Sequence[str]:
    text = block.decode(dialect.encoding or "utf-8", errors="replace").removeprefix("\ufeff")
    row = text.encode()
    try:
        names = next(iter(split_rows(row[: first_row_end(row, dialect)].decode(), dialect)), [])
    except csv.Error:
        return []
    return list(dict.fromkeys(names))


def _parquet_names(file: Path, name: str) -> Sequence[str]:
    try:
        names: Sequence[str] = pq.read_schema(file).names
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            name, str(file), f"not readable as Parquet: {str(error).rstrip('.')}", "Repair the file."
        ) from None
    return names

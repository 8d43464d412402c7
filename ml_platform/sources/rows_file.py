"""The rows of a CSV or Parquet file that somebody brings, read as strictly as a source is."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from ml_platform.core.errors import SourceError
from ml_platform.declarations.source import Column, SourceSpec
from ml_platform.sources.conform import TYPES, conform
from ml_platform.sources.reading.csv_blocks import first_row_end
from ml_platform.sources.reading.csv_cells import read_csv
from ml_platform.sources.reading.csv_dialect import PLAIN
from ml_platform.sources.reading.csv_rows import split_rows
from ml_platform.sources.reading.parquet_rows import read_parquet

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


def rows_file_tables(file: Path, name: str, column_of: Callable[[str], Column]) -> Iterator[pa.Table]:
    """Yield the rows of `read_rows_file` in several tables, of which the first has no row.

    Raises
    ------
    SourceError
    """
    is_parquet, where = file.suffix == ".parquet", str(file)
    names = _parquet_names(file, name) if is_parquet else _csv_names(file, name)
    columns = {column: column_of(column) for column in dict.fromkeys(names)}
    spec = _spec(name, is_parquet, where, columns)
    yield pa.schema([(column, TYPES[declared.type]) for column, declared in columns.items()]).empty_table()
    before = 0
    for batch in (read_parquet if is_parquet else read_csv)(LocalFileSystem(), where, spec, where):
        yield conform(batch.table, spec, where, before)
        before += batch.table.num_rows


def _spec(name: str, is_parquet: bool, where: str, columns: dict[str, Column]) -> SourceSpec:
    reader = {"parquet" if is_parquet else "csv": where}
    about = {"reader": reader, "key": ["key"], "event_timestamp": "at", "known_at": {"delay": "0s"}}
    read = SourceSpec.model_validate({**about, "name": name, "columns": {"key": "string", "at": "timestamp"}})
    optional = {column: declared.model_copy(update={"required": False}) for column, declared in columns.items()}
    return read.model_copy(update={"columns": optional})


def _csv_names(file: Path, name: str) -> Sequence[str]:
    with file.open("rb") as opened:
        block = opened.read(_LONGEST_HEADER).removeprefix(b"\xef\xbb\xbf")
    row = block[: first_row_end(block, PLAIN)].decode(errors="replace")
    try:
        names = next(iter(split_rows(row, PLAIN)), [])
    except csv.Error:
        names = []
    if not names:
        raise SourceError(name, str(file), "it has no header", "Write the columns' names in the first row.")
    return names


def _parquet_names(file: Path, name: str) -> Sequence[str]:
    try:
        names: Sequence[str] = pq.read_schema(file).names
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            name, str(file), f"not readable as Parquet: {str(error).rstrip('.')}", "Repair the file."
        ) from None
    return names

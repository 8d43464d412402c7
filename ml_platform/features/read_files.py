"""Reading CSV and Parquet files in batches, whatever their size."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ml_platform.errors import MissingFile, SchemaChanged, listed, suggest
from ml_platform.spec.source import SourceSpec

_ROWS, _BLOCK = 65_536, 8 << 20


def read_csv(files: Any, path: str, spec: SourceSpec, where: str) -> Iterator[pa.Table]:
    """Yield the declared columns of a CSV file as text.

    Raises
    ------
    MissingFile, SchemaChanged
    """
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(spec.columns, pa.string()),
        include_columns=list(spec.columns),
        null_values=list(dict.fromkeys(("", *spec.reader.null_values))),
        strings_can_be_null=True,
    )
    try:
        with files.open(path, "rb", compression="infer") as file:
            require_columns(_header(file, spec, where), spec, where)
            yield from _csv_tables(file, convert)
    except FileNotFoundError:
        raise _gone(spec, where) from None
    except (pa.ArrowInvalid, EOFError, OSError) as error:
        raise SchemaChanged(spec.name, where, f"not readable as CSV: {error}", "Repair the file.") from None


def _csv_tables(file: Any, convert: Any) -> Iterator[pa.Table]:
    parse, read = pa.csv.ParseOptions(newlines_in_values=True), pa.csv.ReadOptions(block_size=_BLOCK)
    for batch in pa.csv.open_csv(file, read_options=read, parse_options=parse, convert_options=convert):
        yield pa.Table.from_batches([batch])


def read_parquet(files: Any, path: str, spec: SourceSpec, where: str) -> Iterator[pa.Table]:
    """Yield the declared columns of a Parquet file.

    Raises
    ------
    MissingFile, SchemaChanged
    """
    try:
        with files.open(path, "rb") as file:
            parquet = pa.parquet.ParquetFile(file, page_checksum_verification=True, pre_buffer=False)
            require_columns(parquet.schema_arrow.names, spec, where)
            for batch in parquet.iter_batches(_ROWS, columns=list(spec.columns)):
                yield pa.Table.from_batches([batch]).select(list(spec.columns))
    except FileNotFoundError:
        raise _gone(spec, where) from None
    except (pa.ArrowInvalid, OSError) as error:
        raise SchemaChanged(spec.name, where, f"not readable as Parquet: {error}", "Repair the file.") from None


def require_columns(found: Sequence[str], spec: SourceSpec, where: str) -> None:
    """Raise unless every declared column is there; columns that are not declared are of no concern."""
    missing = [name for name in spec.columns if name not in found]
    if missing:
        hint = suggest(missing[0], [name for name in found if name not in spec.columns] or found)
        problem = f"column {listed(missing)} is missing"
        remedy = f"{hint} Correct the source's columns, or the data."
        raise SchemaChanged(spec.name, where, problem, remedy, column=missing[0])
    twice = sorted({name for name in spec.columns if list(found).count(name) > 1})
    if twice:
        problem = f"column {listed(twice)} stands there twice"
        raise SchemaChanged(spec.name, where, problem, "Remove one of them.", column=twice[0])


def _header(file: Any, spec: SourceSpec, where: str) -> list[str]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        return next(csv.reader(text))
    except StopIteration:
        raise SchemaChanged(spec.name, where, "the file is empty: it has no header", "Repair the file.") from None
    except UnicodeDecodeError as error:
        raise SchemaChanged(spec.name, where, f"not text in UTF-8: {error}", "Convert the file.") from None
    finally:
        text.detach()
        file.seek(0)


def _gone(spec: SourceSpec, where: str) -> MissingFile:
    return MissingFile(spec.name, where, "the file is gone since it was listed", "Materialise the source again.")

"""Reading a source's raw rows: CSV files, Parquet files, or a function of the project."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ml_platform.code_version import load_function
from ml_platform.errors import MissingFile, PlatformError, SchemaChanged, SourceError, listed, suggest
from ml_platform.identity import content_id
from ml_platform.spec.source import Reader, SourceSpec


def read_rows(root: Path, spec: SourceSpec) -> Iterator[tuple[str, pa.Table]]:
    """Yield the source's rows as they stand: where they were read, and the declared columns.

    Rows of CSV files come as text; nulls are told already.

    Raises
    ------
    MissingFile, SchemaChanged, SourceError
    """
    reader = spec.reader
    if reader.python is not None:
        yield reader.python, _declared(_call(root, spec, reader.python), spec, reader.python)
        return
    files, paths = _files(root, spec.name, reader)
    for path in paths:
        with files.open(path, "rb", compression="infer" if reader.csv else None) as file:
            where = _told(root, path)
            yield where, _read_csv(file, spec, where) if reader.csv else _read_parquet(file, spec, where)


def fingerprint(root: Path, spec: SourceSpec) -> str | None:
    """Return a text that changes when the source's files do; None where only reading them can tell."""
    if spec.reader.python is not None:
        return None
    files, paths = _files(root, spec.name, spec.reader)
    facts = [files.info(path) for path in paths]
    names = ("name", "size", "mtime", "LastModified", "ETag", "md5", "updated")
    return content_id([[f"{name}={fact[name]}" for name in names if fact.get(name) is not None] for fact in facts])


def _files(root: Path, source: str, reader: Reader) -> tuple[Any, list[str]]:
    pattern = str(reader.csv or reader.parquet)
    where = pattern if "://" in pattern else str(root / pattern)
    files, path = fsspec.core.url_to_fs(where)
    try:
        found = sorted(map(str, files.glob(path))) if any(sign in path for sign in "*?[") else [path]
        if found and all(files.isfile(name) for name in found):
            return files, found
    except OSError as error:
        raise MissingFile(
            source, pattern, f"cannot be reached: {error}", "Correct the reader, or the network."
        ) from None
    raise MissingFile(
        source, pattern, "no such file", "Correct the path in the reader, or put the file there."
    ) from None


def _told(root: Path, path: str) -> str:
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


def _read_csv(file: Any, spec: SourceSpec, where: str) -> pa.Table:
    _require(_header(file, spec, where), spec, where)
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(spec.columns, pa.string()),
        include_columns=list(spec.columns),
        null_values=list(dict.fromkeys(("", *spec.reader.null_values))),
        strings_can_be_null=True,
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    try:
        return pa.csv.read_csv(file, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid as error:
        raise SchemaChanged(spec.name, where, f"not readable as CSV: {error}", "Repair the file.") from None


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


def _read_parquet(file: Any, spec: SourceSpec, where: str) -> pa.Table:
    try:
        parquet = pa.parquet.ParquetFile(file, page_checksum_verification=True)
        _require(parquet.schema_arrow.names, spec, where)
        return parquet.read(columns=list(spec.columns)).select(list(spec.columns))
    except (pa.ArrowInvalid, OSError) as error:
        raise SchemaChanged(spec.name, where, f"not readable as Parquet: {error}", "Repair the file.") from None


def _call(root: Path, spec: SourceSpec, reference: str) -> pa.Table:
    try:
        rows = load_function(root, reference)()
    except (PlatformError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise MissingFile(spec.name, reference, f"no such file: {error.filename}", "Put the file there.") from error
    except Exception as error:
        problem = f"the reader failed with {type(error).__name__}: {error}"
        raise SourceError(spec.name, reference, problem, "Repair the function.") from error
    return rows if isinstance(rows, pa.Table) else _from_pandas(rows, spec, reference)


def _from_pandas(rows: Any, spec: SourceSpec, where: str) -> pa.Table:
    import pandas as pd

    if not isinstance(rows, pd.DataFrame):
        found = type(rows).__name__
        raise SchemaChanged(spec.name, where, f"the reader returned {found}", "Return an Arrow table or a DataFrame.")
    _require(list(rows.columns), spec, where)
    try:
        return pa.Table.from_pandas(rows[list(spec.columns)], preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SchemaChanged(spec.name, where, f"values of several types: {error}", "Repair the function.") from None


def _declared(table: pa.Table, spec: SourceSpec, where: str) -> pa.Table:
    _require(table.column_names, spec, where)
    return table.select(list(spec.columns))


def _require(found: list[str], spec: SourceSpec, where: str) -> None:
    """Raise unless every declared column is there; columns that are not declared are of no concern."""
    missing = [name for name in spec.columns if name not in found]
    if missing:
        hint = suggest(missing[0], [name for name in found if name not in spec.columns] or found)
        problem = f"column {listed(missing)} is missing"
        raise SchemaChanged(spec.name, where, problem, f"{hint} Correct the source's columns, or the data.")
    twice = sorted({name for name in spec.columns if found.count(name) > 1})
    if twice:
        raise SchemaChanged(spec.name, where, f"column {listed(twice)} stands there twice", "Remove one of them.")

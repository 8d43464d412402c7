"""Reading a source's raw rows: files, a function of the project, or a database; in parts, and each part in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa

from ml_platform.core.errors import MissingFile, SchemaChanged, SourceError
from ml_platform.core.hashing import content_id
from ml_platform.declarations.source import Reader, SourceSpec
from ml_platform.sources.readers.csv import read_csv
from ml_platform.sources.readers.files import read_parquet
from ml_platform.sources.readers.function import call_fingerprint, read_function
from ml_platform.sources.readers.local_files import facts_of, is_hidden, local_files
from ml_platform.sources.readers.postgres import read_postgres

_CHANGES = (
    "mtime",
    "created",
    "inode",
    "LastModified",
    "Last-Modified",
    "ETag",
    "md5",
    "Content-MD5",
    "Digest",
    "updated",
)
"""What file systems call the facts of a file of which one differs when its content does."""


@dataclass(frozen=True)
class Part:
    """What is read as one: a file, all that a function gives, the answer of a database.

    Attributes
    ----------
    name
        As errors tell it, such as ``data/2024-05-01.csv``.
    fingerprint
        Differs when the part's rows do; None where only reading can tell.
    tables
        Reads the declared columns in batches. Rows of CSV files are text; nulls are told already.
    """

    name: str
    fingerprint: str | None
    tables: Callable[[], Iterator[pa.Table]]


def source_parts(
    root: Path, spec: SourceSpec, connections: Mapping[str, str] | None = None, after: str | None = None
) -> list[Part]:
    """Return what a source's rows are read from, in order; nothing is read yet.

    Parameters
    ----------
    connections
        URLs of the databases that the project declares.
    after
        Where the reader has a cursor, the SQL literal of its largest value so far: only rows beyond are read.

    Raises
    ------
    MissingFile, SourceError
    """
    reader = spec.reader
    if reader.python is not None:
        found = call_fingerprint(root, spec) if reader.fingerprint is not None else None
        return [Part(reader.python, found, partial(read_function, root, spec))]
    if reader.postgres is not None:
        url = (connections or {}).get(reader.postgres.connection, "")
        return [Part(reader.postgres.told, None, partial(read_postgres, spec, url, after))]
    return [_file_part(root, spec, *found) for found in _files(root, spec.name, reader)]


def fingerprint(root: Path, spec: SourceSpec) -> str | None:
    """Return a text that changes when the source's rows do; None where only reading them can tell."""
    if spec.reader.postgres is not None or (spec.reader.python is not None and spec.reader.fingerprint is None):
        return None
    return fingerprint_of(source_parts(root, spec))


def fingerprint_of(parts: Sequence[Part]) -> str | None:
    """Return a text that changes when any of the parts does; None where that of any part is not known."""
    found = [part.fingerprint for part in parts]
    return None if None in found else content_id([[part.name, part.fingerprint] for part in parts])


def _files(root: Path, source: str, reader: Reader) -> list[tuple[Any, str, Mapping[str, Any]]]:
    """Return the files that a path or glob names, in order: file system, path, facts."""
    pattern = str(reader.csv or reader.parquet)
    try:
        found = _remote(pattern) if "://" in pattern else local_files(root, pattern)
    except (OSError, ImportError, ValueError) as error:
        problem = f"cannot be reached: {error}"
        raise MissingFile(source, pattern, problem, "Correct the reader, or the network.") from None
    if not found:
        raise MissingFile(source, pattern, "no such file", "Correct the path in the reader, or put the file there.")
    return found


def _remote(pattern: str) -> list[tuple[Any, str, Mapping[str, Any]]]:
    files, path = fsspec.core.url_to_fs(pattern)
    if any(sign in path for sign in "*?[") and not files.exists(path):
        facts = files.glob(path, detail=True)
        facts = {name: facts[name] for name in facts if not is_hidden(str(name), path)}
    else:
        facts = {path: files.info(path)} if files.exists(path) else {}
    return [(files, str(name), facts[name]) for name in sorted(facts) if facts[name].get("type") != "directory"]


def _file_part(root: Path, spec: SourceSpec, files: Any, path: str, facts: Mapping[str, Any]) -> Part:
    told = str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path
    if not told.isprintable():
        problem = "its name has signs that cannot be printed, or is not text in UTF-8"
        raise SourceError(spec.name, ascii(told), problem, "Rename the file.")
    read = partial(read_parquet if spec.reader.parquet else read_csv, files, path, spec, told)
    local = "inode" in facts
    return Part(told, _fingerprint(path, facts), partial(_unchanged, read, path, spec, told, facts) if local else read)


def _unchanged(
    read: Callable[[], Iterator[pa.Table]], path: str, spec: SourceSpec, where: str, before: Mapping[str, Any]
) -> Iterator[pa.Table]:
    """Yield what a local file holds, and raise where it changed since it was listed: its last row may be half a row."""
    try:
        yield from read()
    except SchemaChanged:
        _require_unchanged(path, spec, where, before)
        raise
    _require_unchanged(path, spec, where, before)


def _require_unchanged(path: str, spec: SourceSpec, where: str, before: Mapping[str, Any]) -> None:
    if facts_of(Path(path)) != before:
        remedy = "Write files under another name, rename them when they are complete, and ingest again."
        raise SourceError(spec.name, where, "the file changed while it was read", remedy)


def _fingerprint(path: str, facts: Mapping[str, Any]) -> str | None:
    changes = [f"{name}={facts[name]}" for name in _CHANGES if facts.get(name) is not None]
    return content_id([path, str(facts.get("size")), changes]) if changes else None

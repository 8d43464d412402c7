"""Files as the parts of a source: which there are, and what shows a change in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa

from ml_platform.core.errors import MissingFile, SchemaChanged, SourceError
from ml_platform.core.hashing import content_id
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.reading.growing_files import FileEnd, ReadBefore
from ml_platform.sources.reading.local_files import facts_of, is_hidden, local_files
from ml_platform.sources.reading.open_file import is_packed
from ml_platform.sources.reading.path_columns import PathPattern, with_path_columns
from ml_platform.sources.reading.reader import SourcePart

ReadFile = Callable[..., Iterator[pa.Table]]
"""Reads one file: its file system, its path, the source with the columns that are in files, its name in errors.

Where files may grow, also ``end`` (`FileEnd`), which it fills, and ``before`` (`ReadBefore`), after which it begins.
"""

Grown = Callable[[str, str, int], ReadBefore | None]

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


def file_parts(
    root: Path, spec: SourceSpec, pattern: str, read: ReadFile, grown: Grown | None = None
) -> list[SourcePart]:
    """Return the files that a path, glob or URL names, in order, as parts.

    Parameters
    ----------
    pattern
        May have ``{name}`` for a column whose values are in paths.
    grown
        Returns what was read of a local file before, as text and number of rows, and is unchanged. None where files
        are read as a whole.

    Raises
    ------
    MissingFile, SourceError
    """
    paths = PathPattern(pattern)
    read = _with_columns(paths, spec, read) if paths.names else read
    return [_file_part(root, spec, read, grown, *file) for file in _files(root, spec.name, paths.glob)]


def _with_columns(paths: PathPattern, spec: SourceSpec, read: ReadFile) -> ReadFile:
    """Return what reads one file, with the columns whose values are in its path."""
    columns = {name: column for name, column in spec.columns.items() if name not in paths.names}
    in_files = spec.model_copy(update={"columns": columns})

    def tables(files: Any, path: str, _: SourceSpec, where: str, **growth: Any) -> Iterator[pa.Table]:
        try:
            values = paths.values(path)
        except ValueError as error:
            raise SourceError(spec.name, where, str(error), "Rename the file, or correct the reader.") from None
        yield from with_path_columns(read(files, path, in_files, where, **growth), values)

    return tables


def _files(root: Path, source: str, pattern: str) -> list[tuple[Any, str, Mapping[str, Any]]]:
    """Return the files that a path or glob names, in order: file system, path, facts."""
    try:
        files = _remote(pattern) if "://" in pattern else local_files(root, pattern)
    except (OSError, ImportError, ValueError) as error:
        problem = f"cannot be reached: {error}"
        raise MissingFile(source, pattern, problem, "Correct the reader, or the network.") from None
    if not files:
        raise MissingFile(source, pattern, "no such file", "Correct the path in the reader, or put the file there.")
    return files


def _remote(pattern: str) -> list[tuple[Any, str, Mapping[str, Any]]]:
    files, path = fsspec.core.url_to_fs(pattern)
    if any(sign in path for sign in "*?[") and not files.exists(path):
        facts = files.glob(path, detail=True)
        facts = {name: facts[name] for name in facts if not is_hidden(str(name), path)}
    else:
        facts = {path: files.info(path)} if files.exists(path) else {}
    return [(files, str(name), facts[name]) for name in sorted(facts) if facts[name].get("type") != "directory"]


def _file_part(
    root: Path,
    spec: SourceSpec,
    read_file: ReadFile,
    grown: Grown | None,
    files: Any,
    path: str,
    facts: Mapping[str, Any],
) -> SourcePart:
    shown = str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path
    if not shown.isprintable():
        problem = "its name has signs that cannot be printed, or is not text in UTF-8"
        raise SourceError(spec.name, ascii(shown), problem, "Rename the file.")
    read = partial(read_file, files, path, spec, shown)
    fingerprint = _fingerprint(path, facts)
    if "inode" not in facts:
        return SourcePart(shown, fingerprint, read)
    if grown is None or is_packed(path):
        return SourcePart(shown, fingerprint, partial(_unchanged, read, path, spec, shown, facts))

    def part(before: ReadBefore | None) -> SourcePart:
        end = FileEnd()
        tables = partial(_unchanged, partial(read, end=end, before=before), path, spec, shown, facts)
        return SourcePart(shown, fingerprint, tables, before.rows if before else 0, lambda: end.text, since)

    def since(end: str, rows: int) -> SourcePart | None:
        before = grown(path, end, rows)
        return None if before is None else part(before)

    return part(None)


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

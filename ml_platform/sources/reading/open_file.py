"""Opening the files of a source for reading bytes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from fsspec.utils import infer_compression

from ml_platform.core.errors import MissingFile, SchemaChanged, listed
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.reading.compressed import MemberStream, is_of_members


def is_packed(path: str) -> bool:
    """Return whether a file's name shows that it is compressed."""
    return path.endswith((".zip", ".zst")) or is_of_members(path) or infer_compression(path) is not None


@contextmanager
def opened(files: Any, path: str, spec: SourceSpec, where: str) -> Iterator[Any]:
    """Open a file for reading bytes, unpacked where its name ends in .gz, .bz2, .xz, .zst or .zip.

    Raises
    ------
    SchemaChanged
        Where an archive holds several files, or none.
    """
    if path.endswith(".zip"):
        with (
            files.open(path, "rb") as packed,
            zipfile.ZipFile(packed) as archive,
            _only_member(archive, spec, where) as one,
        ):
            yield one
    elif path.endswith(".zst"):  # Arrow's reader raises where the file is cut, which that of fsspec does not
        with files.open(path, "rb") as packed, pa.input_stream(packed, compression="zstd") as file:
            yield file
    elif is_of_members(path):
        with files.open(path, "rb") as packed:
            yield MemberStream(packed, path)
    else:
        with files.open(path, "rb", compression="infer") as file:
            yield file


def _only_member(archive: zipfile.ZipFile, spec: SourceSpec, where: str) -> Any:
    names = [item.filename for item in archive.infolist() if not item.is_dir() and not _is_hidden(item.filename)]
    if len(names) != 1:
        problem = f"the archive holds {len(names)} files{': ' if names else ''}{listed(names)}"
        raise SchemaChanged(spec.name, where, problem, "Unpack it: an archive must hold one file.")
    return archive.open(names[0])


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def gone(spec: SourceSpec, where: str, path: str) -> MissingFile:
    """Return the error for a file that was listed and cannot be opened."""
    link = Path(path)
    if not link.is_symlink():
        return MissingFile(spec.name, where, "the file is gone since it was listed", "Materialize the source again.")
    problem = f"the link leads to {link.readlink()}, where there is no file"
    return MissingFile(spec.name, where, problem, "Remove the link, or restore what it leads to.")

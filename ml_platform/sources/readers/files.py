"""Opening the files of a source, and reading Parquet files in batches, whatever their size."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from ml_platform.core.errors import MissingFile, SchemaChanged, listed, suggest
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.readers.compressed import MemberStream, is_of_members

_ROWS = 65_536


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


def read_parquet(files: Any, path: str, spec: SourceSpec, where: str) -> Iterator[pa.Table]:
    """Yield the declared columns of a Parquet file.

    Raises
    ------
    MissingFile, SchemaChanged
    """
    try:
        with files.open(path, "rb") as file:
            parquet = pa.parquet.ParquetFile(
                file, page_checksum_verification=True, pre_buffer=False, coerce_int96_timestamp_unit="us"
            )
            require_columns(parquet.schema_arrow.names, spec, where)
            for batch in parquet.iter_batches(_ROWS, columns=list(spec.columns)):
                yield pa.Table.from_batches([batch]).select(list(spec.columns))
    except FileNotFoundError:
        raise gone(spec, where, path) from None
    except (pa.ArrowException, OSError) as error:
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
        problem = f"column {listed(twice)} is there twice"
        raise SchemaChanged(spec.name, where, problem, "Remove one of them.", column=twice[0])


def gone(spec: SourceSpec, where: str, path: str) -> MissingFile:
    """Return the error for a file that was listed and cannot be opened."""
    link = Path(path)
    if not link.is_symlink():
        return MissingFile(spec.name, where, "the file is gone since it was listed", "Materialise the source again.")
    problem = f"the link leads to {link.readlink()}, where there is no file"
    return MissingFile(spec.name, where, problem, "Remove the link, or restore what it leads to.")

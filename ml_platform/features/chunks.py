"""Chunks: a table in parts, each an immutable Parquet file that is known by its rows.

Writing, hashing and waiting for the disk leave the interpreter free, so that several chunks are on their way at once.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet

from ml_platform.identity import frame_id
from ml_platform.store.artifacts import ArtifactStore, StoredObject

Item = TypeVar("Item")
Result = TypeVar("Result")

_AT_ONCE = 4
_LEAN: dict[str, bool] = {"use_dictionary": False, "write_statistics": False}
"""zstd finds the repetitions by itself, and nobody filters by statistics: half the work for small chunks."""


@dataclass(frozen=True)
class Chunk:
    """A stored part of a table.

    Attributes
    ----------
    id
        The hash of what its rows hold.
    """

    name: str
    id: str
    rows: pa.Table
    stored: StoredObject


def store_chunks(store: ArtifactStore, parts: Iterable[tuple[str, pa.Table]]) -> list[Chunk]:
    """Store the parts of a table under their names, and return them in the given order."""
    return at_once(lambda part: Chunk(part[0], frame_id(part[1]), part[1], store.put(parquet_bytes(part[1]))), parts)


def at_once(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Do the same for several items at once, and return what came of it in the given order."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, items))


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as one Parquet file with page checksums; equal tables give equal bytes."""
    sink = io.BytesIO()
    pa.parquet.write_table(table.combine_chunks(), sink, compression="zstd", write_page_checksum=True, **_LEAN)
    return sink.getvalue()


def read_chunks(store: ArtifactStore, stored: Iterable[StoredObject], columns: Sequence[str] | None = None) -> pa.Table:
    """Return the rows of chunks one behind the other, or some of their columns, each file checked against its hash.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
    """
    return pa.concat_tables(read_each(store, [(item, columns) for item in stored]))


def read_each(store: ArtifactStore, wanted: Iterable[tuple[StoredObject, Sequence[str] | None]]) -> list[pa.Table]:
    """Return the rows of each of some chunks, with the columns that are wanted of it; None means all.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
    """
    return at_once(lambda item: _read_chunk(store, *item), wanted)


def _read_chunk(store: ArtifactStore, stored: StoredObject, columns: Sequence[str] | None) -> Any:
    content = pa.BufferReader(store.read(stored))
    rows = pa.parquet.ParquetFile(content, page_checksum_verification=True).read(columns, use_threads=False)
    return rows if columns is None else rows.select(columns)

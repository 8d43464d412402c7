"""Chunks: a table in parts, each an immutable Parquet file that is known by its rows.

Writing, hashing and waiting for the disk leave the interpreter free, so that several chunks are on their way at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from ml_platform.core.hashing import frame_id
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import StoredObject
from ml_platform.storage.parquet import parquet_bytes, read_parquet

Item = TypeVar("Item")
Result = TypeVar("Result")

_AT_ONCE, _FEW = 4, 2


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


def at_once(work: Callable[[Item], Result], items: Iterable[Item], threads: int = _AT_ONCE) -> list[Result]:
    """Apply `work` to several items at once; the results keep the order of the items."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield what a function makes of each item, in order; two are worked on at once, and few are ever held."""
    with ThreadPoolExecutor(_FEW) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > _FEW:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def store_chunk(store: ArtifactStore, name: str, rows: pa.Table) -> Chunk:
    """Store one part of a table under its name."""
    return Chunk(name, frame_id(rows), rows, store.put(parquet_bytes(rows)))


def read_chunks(store: ArtifactStore, stored: Iterable[StoredObject], columns: Sequence[str] | None = None) -> pa.Table:
    """Return the rows of chunks one after the other, or some of their columns, each file checked against its hash.

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
    return at_once(lambda item: read_parquet(store, *item), wanted)

"""Tables as Parquet files in the store: the one way to write them and to read them.

The store checks the bytes that it reads against their hash. The checksums of pages are for readers that do not.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml_platform.storage.manifest import StoredObject

_GROUP_ROWS = 100_000
"""Groups of rows are read one by one, so a reader with little memory can read any file."""
_LEAN: dict[str, bool] = {"use_dictionary": False, "write_statistics": False}
"""zstd finds the repetitions by itself, and nothing filters by statistics: half the work for small files."""


class ObjectReader(Protocol):
    """What returns the bytes of an object after it checked their hash."""

    def read(self, stored: StoredObject, /) -> bytes:
        """Return the bytes of an object."""
        ...


def parquet_bytes(table: pa.Table, steady: Iterable[str] = ()) -> bytes:
    """Return a table as one Parquet file with page checksums; equal tables give equal bytes.

    Parameters
    ----------
    steady
        Columns of int64 that change little from row to row: their differences are written, in a third of the time.
    """
    sink = io.BytesIO()
    table, written = table.combine_chunks(), {"compression": "zstd", "write_page_checksum": True, **_LEAN}
    encodings = dict.fromkeys(steady, "DELTA_BINARY_PACKED")
    pq.write_table(table, sink, row_group_size=_GROUP_ROWS, column_encoding=encodings, **written)
    return sink.getvalue()


def table_of(content: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the rows of a Parquet file that is known to be whole: all columns, or some in this order.

    Raises
    ------
    pyarrow.ArrowInvalid
        Where the bytes are no Parquet file.
    """
    rows = pq.ParquetFile(pa.BufferReader(content)).read(columns, use_threads=False)
    return rows if columns is None else rows.select(columns)


def read_parquet(store: ObjectReader, stored: StoredObject, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the rows of a stored table: all columns, or some in this order.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
    """
    return table_of(store.read(stored), columns)


def rows_where(path: Path, columns: Sequence[str], wanted: np.ndarray[Any, np.dtype[np.bool_]]) -> pa.Table:
    """Return some columns of those rows of a file that are wanted, in memory for little more than these.

    Parameters
    ----------
    wanted
        Whether each row is.
    """
    with pq.ParquetFile(path) as file:
        kept, first = [file.schema_arrow.empty_table().select(list(columns))], 0
        for number in range(file.num_row_groups):
            group = file.read_row_group(number, list(columns), use_threads=False).select(list(columns))
            kept.append(group.filter(pa.array(wanted[first : first + len(group)])))
            first += len(group)
    return pa.concat_tables(kept).combine_chunks()

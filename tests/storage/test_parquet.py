"""Tables in the store: what is written is what the library reads, and nothing else is read."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_platform.core.errors import ArtifactDamaged
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.parquet import parquet_bytes, read_parquet, table_of

ROWS = pa.table({"a": [1, None, 3], "b": ["x", "", None], "c": [0.5, float("nan"), None]})


def test_the_library_reads_what_is_written_with_its_page_checksums() -> None:
    content = parquet_bytes(ROWS)
    assert pq.read_table(io.BytesIO(content), page_checksum_verification=True).to_pydict()["b"] == ["x", "", None]
    assert parquet_bytes(pa.concat_tables([ROWS.slice(0, 1), ROWS.slice(1)])) == content
    broken = bytearray(content)
    column = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0).column(0)
    broken[column.data_page_offset + column.total_compressed_size - 1] ^= 0xFF
    with pytest.raises(OSError, match="CRC checksum verification failed"):
        pq.read_table(io.BytesIO(bytes(broken)), page_checksum_verification=True)


def test_columns_come_in_the_order_in_which_they_are_asked_for() -> None:
    assert table_of(parquet_bytes(ROWS), ["c", "a"]).column_names == ["c", "a"]
    assert table_of(parquet_bytes(ROWS)).schema == ROWS.schema


def test_a_stored_table_is_checked_against_its_hash(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path))
    stored = store.put(parquet_bytes(ROWS))
    assert read_parquet(store, stored, ["a"]).to_pydict() == {"a": [1, None, 3]}
    (file,) = (path for path in tmp_path.rglob(f"*{stored.sha256[4:]}*") if path.is_file())
    file.chmod(0o600)
    file.write_bytes(parquet_bytes(ROWS.slice(1)).ljust(stored.size, b"\0")[: stored.size])
    with pytest.raises(ArtifactDamaged):
        read_parquet(store, stored)

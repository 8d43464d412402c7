"""Sources that are larger than the memory that the engine may take."""

import os
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_platform.core.errors import DeclarationError
from ml_platform.project import open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.log_writer import append_rows
from ml_platform.sources.source_log import chunk_names, source_versions
from tests.features.world import T0, at, sale, sales_project, write_project

ROWS, BATCH = 1_000_000, 50_000
MICROS_T0 = int(T0.timestamp()) * 1_000_000


def write_sensors(path):
    """A million rows of 17 numbers: 136 MB as they are."""
    draw = np.random.default_rng(1)
    columns = ["id", "at", *(f"x{number}" for number in range(15))]
    writer = None
    for start in range(0, ROWS, BATCH):
        ids = np.arange(start, start + BATCH)
        instants = pa.array(MICROS_T0 + draw.permutation(ids) * 1000, pa.timestamp("us", tz="UTC"))
        batch = pa.table([ids, instants, *draw.random((15, BATCH))], columns)
        writer = writer or pq.ParquetWriter(path, batch.schema)
        writer.write_table(batch)
    writer.close()
    return columns


@pytest.mark.timeout(300)
def test_a_source_larger_than_the_memory_is_ingested_and_compared(tmp_path):
    (tmp_path / "data").mkdir()
    names = write_sensors(tmp_path / "data/a.parquet")
    columns = {"id": "int", "at": "timestamp"} | dict.fromkeys(names[2:], "float")
    source = {"key": ["id"], "event_timestamp": "at", "known_at": {"delay": "0s"}, "columns": columns}
    source["reader"] = {"parquet": "data/*.parquet"}
    project = write_project(
        tmp_path, sources={"sensors": source}, entities={"sensor": ["id"]}, memory="50MB", threads=1
    )
    first = ingest_source(project, "sensors", at(1))
    assert first.new_rows == ROWS
    assert first.made.artifact.about["rows"] == sum(chunk["rows"] for chunk in first.made.artifact.about["chunks"])
    assert len(chunk_names(first.made.artifact)) > 1
    os.utime(tmp_path / "data/a.parquet", (1, 1))
    assert ingest_source(project, "sensors", at(2)).made.reused


def test_a_month_in_many_chunks_is_the_same_log(tmp_path, monkeypatch):
    rows = [sale(f"s{n % 7}", n % 5, seen=n) for n in range(1, 40)]
    logs = []
    for name, chunk_bytes in (("one", 10**9), ("many", 400)):
        monkeypatch.setattr(
            "ml_platform.sources.ingest.append_rows",
            partial(append_rows, chunk_bytes=chunk_bytes),
        )
        project = sales_project(tmp_path / name, rows)
        artifact = ingest_source(project, "sales", at(50)).made.artifact
        with project.engine() as engine:
            ran = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
        logs.append((sorted(map(str, ran)), chunk_names(artifact)))
    (whole, [single]), (pieces, several) = logs
    assert whole == pieces
    assert single == "000001/2024-05"
    assert several[:2] == ["000001/2024-05", "000001/2024-05.2"]
    assert len(several) == 5  # rows of 42 bytes (5 columns, texts of 2 and 1 letters): 9 in a chunk


@pytest.mark.parametrize("memory", ["2", "2 GB", "0GB", "2gb", "2TB", 2])
def test_an_amount_of_memory_that_is_none_is_a_fault(tmp_path, memory):
    with pytest.raises(DeclarationError, match=r"is not an amount of memory\. Write a whole number and MB or GB"):
        write_project(tmp_path, memory=memory)


def test_the_memory_reaches_the_engine(tmp_path):
    write_project(tmp_path, memory="64MB")
    with open_project(tmp_path).engine() as engine:
        limit = vars(engine)["_connection"].execute("SELECT current_setting('memory_limit')").fetchone()[0]
    assert limit == "61.0 MiB"  # 64 million bytes

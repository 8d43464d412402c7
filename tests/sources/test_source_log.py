"""The intervals in which rows were known, chunk by chunk, against a loop over all rows."""

import random
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from ml_platform.core.errors import PlatformError
from ml_platform.core.hashing import content_id
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.ingest_history import last_ingest, record_ingest
from ml_platform.sources.source_log import FOREVER, chunk_names, chunk_state, chunk_versions, source_versions
from ml_platform.storage.artifact_kinds.source import SourceChunk, SourceManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.parquet import parquet_bytes
from tests.features.world import SALES, T0, at, sale, sales_project, write_csv

MICROS_T0 = int(T0.timestamp()) * 1_000_000
TIMES = ("_event", "_known", "_until")


def rewrite(project, rows):
    write_csv(project.root / "data/sales.csv", list(SALES["columns"]), rows)


def rows_of(project, query):
    with project.engine() as engine:
        return engine.run(query(engine)).to_pylist()


def whole(project, artifact):
    return rows_of(project, lambda engine: source_versions(engine, project.store, artifact, ["id"], "rows"))


def by_chunk(project, artifact):
    return {
        chunk: rows_of(project, lambda engine, chunk=chunk: chunk_versions(engine, project.store, artifact, chunk, "c"))
        for chunk in chunk_names(artifact)
    }


def in_order(rows):
    return sorted(rows, key=lambda row: (row["_known"], row["_ingest"], row["id"]))


def until_by_loop(rows):
    """Each row's end: the known-at of the next row of its key in order of (known-at, ingest)."""
    ends = {}
    for row in rows:
        mine = (row["_known"], row["_ingest"])
        later = [(other["_known"], other["_ingest"]) for other in rows if other["id"] == row["id"]]
        ends[row["id"], *mine] = min((other for other in later if other > mine), default=(FOREVER,))[0]
    return ends


def random_sales(draw, hour):
    """Rows of few keys: several versions of one key, months apart, late ones and ones that are not known yet."""
    versions = {}
    for _ in range(draw.randint(5, 40)):
        id, seen = f"s{draw.randint(0, 9)}", draw.choice([1, 2, 3, 800, 801, hour - 1, hour, hour + 3])
        versions[id, seen] = sale(id, draw.randint(0, 900), seen=seen, amount=float(draw.randint(0, 2)))
    return list(versions.values())


@pytest.mark.parametrize("seed", range(6))
def test_intervals_are_those_of_a_loop_over_all_rows_after_every_ingest(tmp_path, seed):
    draw = random.Random(seed)
    project, hour = None, 805
    states: dict[Any, Any] = {}
    for _ in range(5):
        rows = random_sales(draw, hour)
        project = project or sales_project(tmp_path, rows)
        rewrite(project, rows)
        artifact = ingest_source(project, "sales", at(hour)).made.artifact
        actual, chunks = whole(project, artifact), by_chunk(project, artifact)
        ends = until_by_loop(actual)
        assert [row["_until"] for row in actual] == [ends[row["id"], row["_known"], row["_ingest"]] for row in actual]
        assert all(row["_event"] == int(row["at"].timestamp()) * 1_000_000 for row in actual)
        assert in_order(row for rows in chunks.values() for row in rows) == in_order(actual)
        for chunk, rows in chunks.items():
            lines = [[str(row["id"]), row["amount"], *(row[name] for name in TIMES)] for row in in_order(rows)]
            states.setdefault((chunk, chunk_state(artifact, chunk)), content_id(lines))
            assert states[chunk, chunk_state(artifact, chunk)] == content_id(lines)
        hour += draw.choice([0, 2, 700])
    per_chunk = [content for _, content in sorted({(chunk, lines) for (chunk, _), lines in states.items()})]
    assert len(per_chunk) == len(states)  # another state is another content: nothing changes it in vain


def test_versions_within_one_read_are_recorded_in_their_chunks(tmp_path):
    month = 24 * 31
    rows = [sale("x", 1, seen=1), sale("x", 1, seen=5), sale("x", 1, seen=month + 2), sale("y", 2)]
    project = sales_project(tmp_path, rows)
    artifact = ingest_source(project, "sales", at(month + 9)).made.artifact
    assert chunk_names(artifact) == ["000001/2024-05", "000001/2024-06"]
    chunks = by_chunk(project, artifact)
    hours = {
        chunk: [(row["id"], *((row[name] - MICROS_T0) / 3.6e9 for name in TIMES[1:])) for row in in_order(rows)]
        for chunk, rows in chunks.items()
    }
    for_ever = (FOREVER - MICROS_T0) / 3.6e9
    assert hours["000001/2024-05"] == [("x", 1, 5), ("y", 2, for_ever), ("x", 5, month + 2)]
    assert hours["000001/2024-06"] == [("x", month + 2, for_ever)]


def test_a_correction_changes_the_state_of_the_chunk_it_touches_alone(tmp_path):
    month = 24 * 31
    rows = [sale("x", 1), sale("y", month + 1)]
    project = sales_project(tmp_path, rows)
    first = ingest_source(project, "sales", at(month + 2)).made.artifact
    rewrite(project, [sale("x", 1, amount=9.0), sale("y", month + 1), sale("z", month + 3)])
    second = ingest_source(project, "sales", at(month + 4)).made.artifact
    may, june = chunk_names(first)
    assert chunk_state(second, may) != chunk_state(first, may)
    assert chunk_state(second, june) == chunk_state(first, june)
    assert second.objects.items() > first.objects.items()
    assert [record["chunk"] for record in second.about["replaced"]] == [may]


def test_an_artifact_from_before_a_correction_still_holds_what_was_known_then(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)])
    first = ingest_source(project, "sales", at(2)).made.artifact
    rewrite(project, [sale("x", 1, amount=9.0)])
    ingest_source(project, "sales", at(4))
    assert [row["_until"] for row in whole(project, project.store.get("source", first.id))] == [FOREVER]


def test_a_chunk_that_is_not_there_is_named_with_the_nearest(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)])
    artifact = ingest_source(project, "sales", at(2)).made.artifact
    with pytest.raises(PlatformError, match=r"has no chunk 000001/2024-06 in .* Did you mean 000001/2024-05\?"):
        chunk_state(artifact, "000001/2024-06")


# Logs from before replaced rows were recorded --------------------------------


def without_records(project, artifact):
    """Write what an older version would have written for the same chunks, as the last ingest."""
    about = {name: fact for name, fact in artifact.about.items() if name != "replaced"}
    objects = {name: artifact.objects[name] for name in chunk_names(artifact)}
    old = project.store.write("source", content_id("an older id"), "key", objects=objects, about=about)
    last = last_ingest(project.database, "sales")
    record_ingest(project.database, "sales", replace(last, number=last.number + 1, id=old.id))
    return old


def test_an_older_log_reads_as_it_did_and_gets_its_records_at_the_next_ingest(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1, seen=1), sale("x", 1, seen=3, amount=2.0), sale("y", 1)])
    rewrite_then = [sale("x", 1, seen=1), sale("x", 1, seen=3, amount=2.0), sale("y", 1, amount=5.0)]
    new = ingest_source(project, "sales", at(4)).made.artifact
    expected = in_order(whole(project, new))
    old = without_records(project, new)
    assert in_order(whole(project, old)) == expected
    with pytest.raises(PlatformError, match="Materialize sources/sales again: no row is lost"):
        chunk_state(old, "000001/2024-05")
    rewrite(project, rewrite_then)
    after = ingest_source(project, "sales", at(6)).made.artifact
    ordered = in_order(whole(project, after))
    assert [(row["id"], row["_until"] == FOREVER) for row in ordered] == [
        ("x", False),
        ("y", False),
        ("x", True),
        ("y", True),
    ]
    assert [row["_until"] for row in ordered] == [
        until_by_loop(ordered)[r["id"], r["_known"], r["_ingest"]] for r in ordered
    ]


def test_an_older_log_with_nothing_replaced_needs_no_records():
    chunk = SourceChunk(name="000001/2024-05", rows=1, id="ab", known_from="2024-05-01T00:00:00.000000Z")
    about = SourceManifest(source="s", columns={}, rows=1, keys_repeat=False, chunks=(chunk,)).as_json()
    artifact = Artifact("source", "x", "key", about, {}, {})
    assert chunk_state(artifact, "000001/2024-05") == content_id(["ab", []])


def test_places_in_files_are_recorded_beside_their_rows(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)])
    stored = project.store.put(parquet_bytes(pa.table({"n": [7, 8, 9]})))
    query = rows_of(
        project, lambda engine: engine.parquet("t", [project.store.local_path(stored)], places=("_file", "_row"))
    )
    assert [(row["n"], row["_file"], row["_row"]) for row in query] == [(7 + n, stored.sha256, n) for n in range(3)]

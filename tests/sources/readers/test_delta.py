"""Delta tables in a local folder: what is read again, held against what the library itself says of the table."""

import json
import sys

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from ml_platform.core.errors import EmptySource, MissingFile, SchemaChanged, SourceError
from ml_platform.operations.planning.planner import plan_project
from ml_platform.sources.arrivals import source_fingerprints
from ml_platform.sources.change_detection import look_at_source
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import FOREVER, source_versions
from tests.features.world import SALES, at, sale, write_project

DELTA = {"reader": {"delta": "data/sales"}, **SALES}
NAMES = list(SALES["columns"])
TYPES = [pa.string(), pa.string(), pa.timestamp("us", "UTC"), pa.timestamp("us", "UTC"), pa.float64()]


def table_of(*rows):
    columns = zip(*rows, strict=True) if rows else [[] for _ in NAMES]
    return pa.table({n: pa.array(v, t) for n, v, t in zip(NAMES, map(list, columns), TYPES, strict=True)})


def write(directory, *rows, mode="append", **options):
    write_deltalake(str(directory / "data/sales"), table_of(*rows), mode=mode, **options)


def delta(directory):
    return DeltaTable(str(directory / "data/sales"))


def current(project, artifact):
    """The log's rows that no other has replaced: key and amount."""
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    return sorted((row["id"], row["shop"], row["amount"]) for row in rows if row["_until"] == FOREVER)


def held(directory):
    """The rows of the table as the library reads them all at once."""
    return sorted((row["id"], row["shop"], row["amount"]) for row in delta(directory).to_pyarrow_table().to_pylist())


def changed(project, hours):
    """Why an ingest would read, how many files, and of how many."""
    look = look_at_source(project, "sales", at(hours))
    return look.why, len(look.changed), len(look.parts)


def ingest(project, hours):
    return ingest_source(project, "sales", at(hours))


@pytest.mark.parametrize("partitions", [None, ["shop"]])
def test_appended_files_are_read_alone(tmp_path, partitions):
    write(tmp_path, sale("a", 1), sale("b", 2, shop="b"), partition_by=partitions)
    project = write_project(tmp_path, sources={"sales": DELTA})
    files = 2 if partitions else 1
    assert changed(project, 3) == ("never read", files, files)
    assert current(project, ingest(project, 3).made.artifact) == held(tmp_path)
    assert changed(project, 4) == (None, 0, files)
    assert ingest(project, 4).made.reused
    write(tmp_path, sale("c", 5, amount=2.5))
    assert changed(project, 5) == ("changed", 1, files + 1)
    result = ingest(project, 5)
    assert (result.new_rows, result.late, result.corrections) == (1, 0, 0)
    assert current(project, result.made.artifact) == held(tmp_path)
    assert len(held(tmp_path)) == 3


def test_an_update_is_a_correction_and_a_deleted_row_is_kept_and_reported(tmp_path):
    write(tmp_path, sale("a", 1), sale("b", 2))
    write(tmp_path, sale("c", 2))
    project = write_project(tmp_path, sources={"sales": DELTA})
    ingest(project, 3)
    delta(tmp_path).update(predicate="id = 'a'", new_values={"amount": 9.0})
    assert changed(project, 4) == ("replaced", 2, 2)
    result = ingest(project, 4)
    assert (result.new_rows, result.corrections, result.upstream.notes()) == (1, 1, ())
    assert current(project, result.made.artifact) == held(tmp_path)
    delta(tmp_path).delete("id = 'b'")
    result = ingest(project, 5)
    assert (result.new_rows, result.upstream.missing.rows) == (0, 1)
    assert "the source no longer has 1 key of earlier rows" in result.upstream.notes()[0]
    assert [id for id, _, _ in current(project, result.made.artifact)] == ["a", "b", "c"]
    assert changed(project, 6) == (None, 0, 2)


def test_compaction_brings_nothing_new_and_is_not_reported(tmp_path):
    for number, id in enumerate("abc"):
        write(tmp_path, sale(id, number))
    project = write_project(tmp_path, sources={"sales": DELTA})
    first = ingest(project, 3)
    delta(tmp_path).optimize.compact()
    assert changed(project, 4) == ("replaced", 1, 1)
    result = ingest(project, 4)
    assert (result.made.artifact.id, result.new_rows, result.upstream.notes()) == (first.made.artifact.id, 0, ())
    assert changed(project, 5) == (None, 0, 1)


def test_files_that_come_back_by_a_restore_are_reread(tmp_path):
    write(tmp_path, sale("a", 1), sale("b", 2))
    project = write_project(tmp_path, sources={"sales": DELTA})
    ingest(project, 3)
    delta(tmp_path).update(predicate="id = 'a'", new_values={"amount": 9.0})
    ingest(project, 4)
    delta(tmp_path).restore(0)
    result = ingest(project, 5)
    assert result.corrections == 1
    assert current(project, result.made.artifact) == held(tmp_path) == [("a", "a", 1.0), ("b", "a", 1.0)]


def test_rows_that_wait_to_be_known_survive_a_compaction_once(tmp_path):
    write(tmp_path, sale("a", 1))
    write(tmp_path, sale("b", 2, seen=8))
    project = write_project(tmp_path, sources={"sales": DELTA})
    assert ingest(project, 3).upstream.waiting == 1
    delta(tmp_path).optimize.compact()
    assert ingest(project, 4).upstream.waiting == 1
    assert changed(project, 7) == (None, 0, 1)
    assert changed(project, 9) == ("rows become known", 1, 1)
    assert current(project, ingest(project, 9).made.artifact) == held(tmp_path)


def test_a_column_that_older_files_do_not_have_is_null_there(tmp_path):
    bare = table_of(sale("a", 1)).drop(["amount"])
    write_deltalake(str(tmp_path / "data/sales"), bare)
    write(tmp_path, sale("b", 2), schema_mode="merge")
    project = write_project(tmp_path, sources={"sales": DELTA})
    assert current(project, ingest(project, 3).made.artifact) == held(tmp_path) == [("a", "a", None), ("b", "a", 1.0)]


MAPPED = {"delta.columnMapping.mode": "name"}
DELETIONS = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
SCHEMAS = {
    "a column is gone": (
        lambda rows: rows.drop(["amount"]),
        SchemaChanged,
        "source sales: data/sales: column amount is missing (declared in sources/sales.yaml:21).",
    ),
    "a column is renamed": (
        lambda rows: rows.rename_columns([*NAMES[:-1], "amonut"]),
        SchemaChanged,
        "Did you mean amonut? Correct the source's columns, or the data.",
    ),
    "a column has another type": (
        lambda rows: rows.set_column(4, "amount", pa.array([True])),
        SchemaChanged,
        "column amount is bool, declared float (declared in sources/sales.yaml:21). Correct the declared type",
    ),
}


@pytest.mark.parametrize(("change", "kind", "message"), SCHEMAS.values(), ids=SCHEMAS)
def test_a_changed_schema_is_an_error_and_changes_nothing(tmp_path, change, kind, message):
    write(tmp_path, sale("a", 1))
    project = write_project(tmp_path, sources={"sales": DELTA})
    before = ingest(project, 3).made.artifact
    place = str(tmp_path / "data/sales")
    write_deltalake(place, change(table_of(sale("b", 2))), mode="overwrite", schema_mode="overwrite")
    with pytest.raises(kind) as caught:
        ingest(project, 4)
    assert message in str(caught.value)
    assert "sources/sales.yaml:" in str(caught.value)
    assert list(project.store.ids("source")) == [before.id]


def test_a_table_that_lost_all_rows_is_an_error(tmp_path):
    write(tmp_path, sale("a", 1))
    project = write_project(tmp_path, sources={"sales": DELTA})
    ingest(project, 3)
    delta(tmp_path).delete()
    for hours in (4, 5):
        with pytest.raises(EmptySource, match="data/sales: there is no row"):
            ingest(project, hours)


def test_no_table_is_an_error_that_names_the_path(tmp_path):
    project = write_project(tmp_path, sources={"sales": DELTA})
    with pytest.raises(MissingFile, match=r"source sales: data/sales: there is no Delta table\. Correct the path"):
        ingest(project, 3)


def test_a_file_that_vacuum_took_is_an_error(tmp_path):
    write(tmp_path, sale("a", 1))
    project = write_project(tmp_path, sources={"sales": DELTA})
    next((tmp_path / "data/sales").glob("*.parquet")).unlink()
    with pytest.raises(MissingFile, match="the file is gone since the table was listed"):
        ingest(project, 3)


def with_physical_names(schema):
    """The schema of a table whose columns have other names in its files, as column mapping makes it."""
    fields = json.loads(schema)
    for number, field in enumerate(fields["fields"], 1):
        field["metadata"] = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": f"col-{number}"}
    return json.dumps(fields)


@pytest.mark.parametrize(
    ("protocol", "configuration", "message"),
    [
        ({"minReaderVersion": 2, "minWriterVersion": 5}, MAPPED, "delta.columnMapping.mode = name"),
        ({"minReaderVersion": 3, "minWriterVersion": 7, **DELETIONS}, {}, "cannot be read: .*deletionVectors"),
    ],
)
def test_a_table_with_features_that_the_library_cannot_read_is_refused(tmp_path, protocol, configuration, message):
    write(tmp_path, sale("a", 1))
    log = tmp_path / "data/sales/_delta_log/00000000000000000000.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        if "protocol" in action:
            action["protocol"] = protocol
        if "metaData" in action:
            action["metaData"]["configuration"] = configuration
            action["metaData"]["schemaString"] = with_physical_names(action["metaData"]["schemaString"])
    log.write_text("\n".join(json.dumps(action) for action in actions))
    project = write_project(tmp_path, sources={"sales": DELTA})
    with pytest.raises(SourceError, match=message):
        ingest(project, 3)


def test_without_the_extra_one_sentence_names_what_to_install(tmp_path, monkeypatch):
    write(tmp_path, sale("a", 1))
    project = write_project(tmp_path, sources={"sales": DELTA})
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(SourceError) as caught:
        ingest(project, 3)
    assert str(caught.value) == (
        "source sales: reader.delta: the library for Delta tables is not installed. "
        "Install it with: pip install 'ml-platform[delta]'."
    )


def test_new_versions_are_noticed_and_planned(tmp_path):
    write(tmp_path, sale("a", 1))
    project = write_project(tmp_path, sources={"sales": DELTA})
    seen = [source_fingerprints(project, at(3))]
    ingest(project, 3)
    write(tmp_path, sale("b", 2))
    seen.append(source_fingerprints(project, at(3)))
    assert seen[0] != seen[1]
    ingest(project, 4)
    delta(tmp_path).optimize.compact()
    (planned,) = plan_project(project, at(5)).nodes
    assert planned.reasons == ("files were replaced or removed since the last ingest: all are read again",)

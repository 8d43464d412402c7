"""Iceberg tables of an SQL catalog in a local folder: what is read again, beside what the library reads at once."""

import re
import sys
from types import SimpleNamespace

import pyarrow as pa
import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.types import BooleanType

from ml_platform.core.errors import DeclarationError, EmptySource, MissingFile, SchemaChanged, SourceError
from ml_platform.sources.arrivals import source_fingerprints
from ml_platform.sources.change_detection import look_at_source
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.readers.iceberg import _fingerprint
from ml_platform.sources.source_log import FOREVER, source_versions
from tests.features.world import SALES, at, sale, write_project

READER = {"connection": "lake", "catalog": "shop", "table": "shop.sales"}
NAMES = list(SALES["columns"])
TYPES = [pa.string(), pa.string(), pa.timestamp("us", "UTC"), pa.timestamp("us", "UTC"), pa.float64()]
SCHEMA = pa.schema(list(zip(NAMES, TYPES, strict=True)))


def url_of(directory):
    return f"sqlite:///{directory}/catalog.db"


def table_of(*rows):
    return pa.table({n: pa.array(v, t) for n, v, t in zip(NAMES, zip(*rows, strict=True), TYPES, strict=True)})


@pytest.fixture
def table(tmp_path):
    """An empty table in a catalog of its own."""
    catalog = load_catalog("shop", uri=url_of(tmp_path), warehouse=f"file://{tmp_path}/lake")
    catalog.create_namespace("shop")
    yield catalog.create_table("shop.sales", SCHEMA)
    catalog.close()


def project_of(directory, **changes):
    source = SALES | {"reader": {"iceberg": READER | changes}}
    return write_project(directory, sources={"sales": source}, connections={"lake": url_of(directory)})


def current(project, artifact):
    """The log's rows that no other has replaced: key and amount."""
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    return sorted((row["id"], row["amount"]) for row in rows if row["_until"] == FOREVER)


def held(table):
    """The rows of the table as the library reads them all at once."""
    table.refresh()
    return sorted((row["id"], row["amount"]) for row in table.scan().to_arrow().to_pylist())


def changed(project, hours):
    """Why an ingest would read, how many files, and of how many."""
    look = look_at_source(project, "sales", at(hours))
    return look.why, len(look.changed), len(look.parts)


def ingest(project, hours):
    return ingest_source(project, "sales", at(hours))


def test_appended_files_are_read_alone(tmp_path, table):
    table.append(table_of(sale("a", 1), sale("b", 2)))
    project = project_of(tmp_path)
    assert changed(project, 3) == ("never read", 1, 1)
    assert current(project, ingest(project, 3).made.artifact) == held(table)
    seen = source_fingerprints(project, at(4))
    assert changed(project, 4) == (None, 0, 1)
    assert ingest(project, 4).made.reused
    table.append(table_of(sale("c", 5, amount=2.5)))
    assert source_fingerprints(project, at(4)) != seen
    assert changed(project, 5) == ("changed", 1, 2)
    result = ingest(project, 5)
    assert (result.new_rows, result.late, result.corrections) == (1, 0, 0)
    assert current(project, result.made.artifact) == held(table) == [("a", 1.0), ("b", 1.0), ("c", 2.5)]


def test_an_overwritten_row_is_a_correction_and_a_deleted_one_is_kept_and_reported(tmp_path, table):
    table.append(table_of(sale("a", 1), sale("b", 2)))
    table.append(table_of(sale("c", 2)))
    project = project_of(tmp_path)
    ingest(project, 3)
    table.overwrite(table_of(sale("a", 1, amount=9.0)), overwrite_filter="id = 'a'")
    assert changed(project, 4)[0] == "replaced"
    result = ingest(project, 4)
    assert (result.new_rows, result.corrections, result.upstream.notes()) == (1, 1, ())
    assert current(project, result.made.artifact) == held(table)
    table.delete("id = 'b'")
    result = ingest(project, 5)
    assert (result.new_rows, result.upstream.missing.rows) == (0, 1)
    assert [id for id, _ in current(project, result.made.artifact)] == ["a", "b", "c"]
    assert changed(project, 6)[0] is None


def test_a_renamed_and_a_new_column_are_read_by_their_ids(tmp_path, table):
    table.append(table_of(sale("a", 1)))
    with table.update_schema() as update:
        update.rename_column("amount", "price")
        update.add_column("paid", BooleanType())
    table.append(table_of(sale("b", 2)).rename_columns([*NAMES[:-1], "price"]).append_column("paid", [[True]]))
    columns = {name: column for name, column in SALES["columns"].items() if name != "amount"}
    columns |= {"price": "float", "paid": "bool"}
    source = SALES | {"reader": {"iceberg": READER}, "columns": columns}
    project = write_project(tmp_path, sources={"sales": source}, connections={"lake": url_of(tmp_path)})
    artifact = ingest(project, 3).made.artifact
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    assert sorted((row["id"], row["price"], row["paid"]) for row in rows) == [("a", 1.0, None), ("b", 1.0, True)]


def test_a_changed_schema_is_an_error_and_changes_nothing(tmp_path, table):
    table.append(table_of(sale("a", 1)))
    project = project_of(tmp_path)
    before = ingest(project, 3).made.artifact
    with table.update_schema() as update:
        update.rename_column("amount", "amonut")
    with pytest.raises(SchemaChanged) as caught:
        ingest(project, 4)
    assert "source sales: lake: table shop.sales: column amount is missing (declared in" in str(caught.value)
    assert "Did you mean amonut?" in str(caught.value)
    assert list(project.store.ids("source")) == [before.id]


def test_a_column_of_another_type_is_an_error(tmp_path, table):
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("amount")
    with table.update_schema() as update:
        update.add_column("amount", BooleanType())
    table.append(table_of(sale("a", 1)).drop(["amount"]).append_column("amount", [[True]]))
    with pytest.raises(SchemaChanged, match="column amount is bool, declared float"):
        ingest(project_of(tmp_path), 3)


def test_a_table_without_rows_is_an_error(tmp_path, table):
    with pytest.raises(EmptySource, match=r"lake: table shop\.sales: there is no row"):
        ingest(project_of(tmp_path), 3)


@pytest.mark.parametrize("changes", [{"table": "shop.sale"}, {"catalog": "other"}])
def test_no_such_table_is_an_error(tmp_path, table, changes):
    with pytest.raises(MissingFile, match=r"has no such table\. Correct table or catalog in the reader"):
        ingest(project_of(tmp_path, **changes), 3)


@pytest.mark.parametrize("name", ["sales", "shop.", ".sales"])
def test_a_table_has_a_namespace(tmp_path, name):
    message = f"reader.iceberg.table must be NAMESPACE.NAME, found '{name}'."
    with pytest.raises(DeclarationError, match=re.escape(message)):
        project_of(tmp_path, table=name)


def test_a_catalog_that_cannot_be_reached_is_an_error_without_its_password(tmp_path):
    source = SALES | {"reader": {"iceberg": READER}}
    connections = {"lake": "postgresql+psycopg2://me:hunter22@nowhere.invalid/lake"}
    with pytest.raises(DeclarationError):  # a password belongs in the environment
        write_project(tmp_path, sources={"sales": source}, connections=connections)
    connections = {"lake": "nonsense://me@nowhere/lake"}
    project = write_project(tmp_path, sources={"sales": source}, connections=connections)
    with pytest.raises(SourceError, match="the Iceberg table cannot be read") as caught:
        ingest(project, 3)
    assert "nonsense://" not in str(caught.value)


def test_a_file_that_is_gone_is_an_error(tmp_path, table):
    table.append(table_of(sale("a", 1)))
    next((tmp_path / "lake").rglob("*.parquet")).unlink()
    with pytest.raises(MissingFile, match="the file is gone since the table was listed"):
        ingest(project_of(tmp_path), 3)


def test_rows_that_another_writer_deletes_in_place_change_a_file_s_fingerprint():
    file = SimpleNamespace(file_path="a.parquet", file_size_in_bytes=10)
    deletes = [SimpleNamespace(file_path="d.parquet")]
    actual = {_fingerprint(SimpleNamespace(file=file, delete_files=some)) for some in ([], deletes)}
    assert len(actual) == 2


def test_without_the_extra_one_sentence_names_what_to_install(tmp_path, table, monkeypatch):
    project = project_of(tmp_path)
    monkeypatch.setitem(sys.modules, "pyiceberg", None)
    with pytest.raises(SourceError) as caught:
        ingest(project, 3)
    assert str(caught.value) == (
        "source sales: reader.iceberg: the library for Iceberg tables is not installed. "
        "Install it with: pip install 'ml-platform[iceberg]'."
    )

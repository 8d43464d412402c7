"""Of a table with a cursor, the rows beyond it are read."""

import pytest

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import SchemaChanged, SourceError
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.quarantine import dirty_rows
from ml_platform.sources.source_log import source_versions
from tests.features.world import at
from tests.sources.readers.postgres_sales import log_of, opened, put, run


@pytest.mark.parametrize(("cursor", "kind"), [("changed", {}), ("seen", {})])
def test_only_rows_beyond_the_cursor_are_read(tmp_path, database, cursor, kind):
    put(database, "x", 1, changed=1)
    put(database, "y", 2, changed=2)
    project = opened(tmp_path, database[0], table="sales", cursor=cursor, columns=kind)
    assert ingest_source(project, "sales", at(4)).new_rows == 2
    assert ingest_source(project, "sales", at(4.5)).made.reused
    run(database, "UPDATE sales SET amount = 7 WHERE id = 'x'")  # not seen: its cursor has not grown
    put(database, "z", 5, changed=3)
    ingested = ingest_source(project, "sales", at(6))
    assert (ingested.new_rows, ingested.late, ingested.corrections) == (1, 0, 0)
    assert log_of(project, ingested.made.artifact) == [
        ("x", at(1), 1.0, True),
        ("y", at(2), 1.0, True),
        ("z", at(5), 1.0, True),
    ]


@pytest.mark.parametrize("kind", ["numeric(10, 2)", "double precision"])
def test_a_cursor_of_another_type_of_numbers_is_compared_as_numbers(tmp_path, database, kind):
    run(database, f"ALTER TABLE sales ALTER changed TYPE {kind}")
    for number in (9, 10):  # as texts, 9.00 would come after 10.00
        put(database, f"s{number}", 1, changed=number)
    project = opened(tmp_path, database[0], table="sales", cursor="changed")
    ingest_source(project, "sales", at(2))
    put(database, "below", 1, changed=10)
    put(database, "beyond", 1, changed=11)
    assert ingest_source(project, "sales", at(3)).new_rows == 1


@pytest.mark.parametrize(("kind", "declared"), [("date", {"type": "timestamp", "zone": "UTC"}), ("text", "int")])
def test_a_cursor_that_the_server_orders_otherwise_is_refused(tmp_path, database, kind, declared):
    run(database, f"ALTER TABLE sales DROP changed, ADD changed {kind}")
    run(database, "INSERT INTO sales VALUES ('a', 'a', '2024-05-01', '2024-05-01', 1, '2024-05-01')")
    project = opened(tmp_path, database[0], {"changed": declared}, table="sales", cursor="changed")
    with pytest.raises(SchemaChanged, match="which is no cursor"):
        ingest_source(project, "sales", at(2))


def test_a_changed_row_beyond_the_cursor_is_a_correction(tmp_path, database):
    put(database, "x", 1, changed=1)
    project = opened(tmp_path, database[0], table="sales", cursor="changed")
    ingest_source(project, "sales", at(4))
    run(database, "UPDATE sales SET amount = 7, changed = 2")
    assert ingest_source(project, "sales", at(6)).corrections == 1


def test_the_cursor_waits_for_rows_that_are_not_known_yet(tmp_path, database):
    put(database, "x", 1, changed=1)
    put(database, "ahead", 8, changed=2)
    put(database, "y", 2, changed=3)
    project = opened(tmp_path, database[0], table="sales", cursor="changed")
    counts = [ingest_source(project, "sales", at(hour)).new_rows for hour in (4, 5, 8, 9)]
    assert counts == [2, 0, 1, 0]


def test_a_dirty_row_below_the_cursor_waits_until_its_correction_is_beyond_it(tmp_path, database):
    run(database, "ALTER TABLE sales ALTER amount TYPE text")
    put(database, "x", 1, amount="1", changed=1)
    put(database, "y", 2, amount="?", changed=2)
    put(database, "z", 3, amount="3", changed=3)
    policy = {"on_error": "quarantine", "quarantine": {"at_most": "100%"}}
    project = opened(tmp_path, database[0], table="sales", cursor="changed", keys=policy)

    def ingested(hour):
        ingested = ingest_source(project, "sales", at(hour))
        waiting = dirty_rows(project, "sales")
        ids = [] if waiting is None else waiting["id"].to_pylist()
        return ingested.rows.read, ingested.new_rows, ids, ingested.made.artifact

    assert ingested(4)[:3] == (3, 2, ["y"])
    put(database, "w", 4.5, amount="4", changed=4)
    assert ingested(5)[:3] == (1, 1, ["y"]), "what is below the cursor is not read again, and stays"
    run(database, "UPDATE sales SET amount = '7' WHERE id = 'y'")
    assert ingested(6)[:3] == (0, 0, ["y"]), "its cursor has not grown"
    run(database, "UPDATE sales SET changed = 5 WHERE id = 'y'")
    *counts, artifact = ingested(7)
    assert counts == [1, 1, []]
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    known = {row["id"]: (row["amount"], row["_known"]) for row in rows}
    assert known == {
        "x": (1.0, to_micros(at(1))),
        "y": (7.0, to_micros(at(7))),
        "z": (3.0, to_micros(at(3))),
        "w": (4.0, to_micros(at(4.5))),
    }


def test_a_row_without_its_cursor_is_an_error(tmp_path, database):
    put(database, "x", 1, changed=None)
    project = opened(tmp_path, database[0], table="sales", cursor="changed")
    with pytest.raises(
        SourceError, match=r"shop_db: table sales: row 1: column changed is null .* leave such rows out"
    ):
        ingest_source(project, "sales", at(4))

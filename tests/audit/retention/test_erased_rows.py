"""Rows of one person leave sources, posted files and their records; the rows of others stay as they were."""

import pytest

from ml_platform.audit.erasure.data_subject import Person, UnknownKey
from ml_platform.audit.erasure.erase import lift_erasure
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.audit.verify.verify import verify_project
from ml_platform.core.clock import to_micros
from ml_platform.project import open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.posted_rows import posted_rows
from tests.audit.retention.conftest import LATER
from tests.audit.retention.test_erasure import erased, require_nowhere
from tests.features.world import SALES, at, sale, sales_project, write_csv


def test_who_is_not_stored_is_kept_out_all_the_same(tmp_path):
    project = sales_project(tmp_path, [sale("one", 1), sale("nobody", 2)])
    plan = erased(project, "sale", id="nobody")
    assert plan.is_empty
    assert ingest_source(project, "sales", at(9)).new_rows == 1
    assert lift_erasure(project, plan.person, at(9), actor="ada", reason="came back")
    assert not lift_erasure(project, plan.person, at(9), actor="ada", reason="came back")
    write_csv(tmp_path / "data/sales.csv", list(SALES["columns"]), [sale("one", 1), sale("nobody", 2, amount=3)])
    assert ingest_source(project, "sales", at(10)).new_rows == 1


def test_corrected_rows_and_their_records_are_erased_and_others_keep_their_history(tmp_path):
    rows = [sale(f"receipt{n}", n) for n in range(6)]
    project = sales_project(tmp_path, rows)
    ingest_source(project, "sales", at(10))
    for hour, amount in ((20, 5.0), (30, 6.0)):
        rows = [sale(row[0], n, amount=amount if n in (1, 3, 5) else 1.0) for n, row in enumerate(rows)]
        project = sales_project(tmp_path, rows)
        ingest_source(project, "sales", at(hour))
    assert known_at(project, 25)["receipt3"] == 5.0
    erased(project, "sale", id="receipt1")
    require_nowhere(project, "receipt1")
    for hour, amount in ((15, 1.0), (25, 5.0), (35, 6.0)):
        assert known_at(project, hour) == {
            "receipt0": 1,
            "receipt2": 1,
            "receipt3": amount,
            "receipt4": 1,
            "receipt5": amount,
        }
    rows = [sale(row[0], n, amount=9.0 if n == 5 else row[4]) for n, row in enumerate(rows)]
    project = sales_project(tmp_path, rows)
    assert ingest_source(project, "sales", at(40)).new_rows == 1
    assert known_at(project, 45)["receipt5"] == 9.0
    assert known_at(project, 35)["receipt5"] == 6.0


def test_a_deleted_row_is_erased_with_its_record_and_others_stay_deleted(tmp_path):
    full = {"max_deleted_share": 1.0}
    rows = [sale(f"receipt{n}", n) for n in range(6)]
    project = sales_project(tmp_path, rows, full=full)
    ingest_source(project, "sales", at(10))
    project = sales_project(tmp_path, rows[3:], full=full)
    ingest_source(project, "sales", at(20))
    erased(project, "sale", id="receipt1")
    require_nowhere(project, "receipt1")
    assert not verify_project(project).damages
    assert set(known_at(project, 15)) == {"receipt0", "receipt2", "receipt3", "receipt4", "receipt5"}
    assert set(known_at(project, 25)) == {"receipt3", "receipt4", "receipt5"}
    project = sales_project(tmp_path, [*rows[3:], rows[0], rows[1]], full=full)
    assert ingest_source(project, "sales", at(40)).new_rows == 1
    assert set(known_at(project, 45)) == {"receipt0", "receipt3", "receipt4", "receipt5"}


def test_posted_rows_of_a_person_leave_the_file_that_received_them(tmp_path):
    project = sales_project(tmp_path, [], reader={"streaming": True})
    rows = posted_rows(project.state, "sales")

    def posted(number):
        values = dict(zip(("id", "shop", "at", "seen", "amount"), sale(f"receipt{number}", number), strict=True))
        return {name: value.isoformat() if name in ("at", "seen") else value for name, value in values.items()}

    rows.add([posted(n) for n in range(6)], ["id"], to_micros(at(8)))
    ingest_source(project, "sales", at(10))
    plan = plan_erasure(project, Person.of(project, "sale", {"id": "receipt1"}), LATER)
    assert ("posted/sales.sqlite", "rows removed") in {(item.path, item.remedy.value) for item in plan.files}
    erased(project, "sale", id="receipt1")
    require_nowhere(project, "receipt1")
    assert [row.values["id"] for batch in rows.read() for row in batch] == [f"receipt{n}" for n in (0, 2, 3, 4, 5)]
    rows.add([posted(9)], ["id"], to_micros(at(30)))
    ingest_source(project, "sales", at(40))
    assert set(known_at(project, 45)) == {f"receipt{n}" for n in (0, 2, 3, 4, 5, 9)}


def known_at(project, hour):
    """What the log says at an instant, worked out from its rows and records."""
    from ml_platform.sources.ingest_history import last_ingest
    from ml_platform.sources.source_log import source_versions

    artifact = project.store.get("source", last_ingest(project.database, "sales").id)
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "log")).to_pylist()
    instant = to_micros(at(hour))
    return {row["id"]: row["amount"] for row in rows if row["_known"] <= instant < row["_until"]}


def test_a_number_is_a_key_too_and_other_numbers_are_not_changed(tmp_path):
    columns = {**SALES["columns"], "id": "int"}
    project = sales_project(tmp_path, [[n, "a", at(n), at(n), 7.0] for n in range(5, 9)], columns=columns)
    ingest_source(project, "sales", at(20))
    plan = erased(project, "sale", id="7")
    assert plan.rows == {"source": 1}
    assert set(known_at(project, 30)) == {5, 6, 8}
    assert set(known_at(project, 30).values()) == {7.0}


def test_what_is_not_a_key_of_the_entity_is_refused(tmp_path):
    project = sales_project(tmp_path, [sale("one", 1)])
    with pytest.raises(
        UnknownKey, match=r"sale: its key is id, found shop\. Give the entity and each column of its key"
    ):
        Person.of(project, "sale", {"shop": "a"})
    with pytest.raises(UnknownKey, match=r"sold: there is no such entity\. Known: sale, shop\. "):
        Person.of(project, "sold", {"id": "one"})


def test_a_key_in_a_column_that_is_not_the_entity_s_is_reported(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))  # an engine of another test may be at work
    project = sales_project(tmp_path, [sale("first", 1), sale("second", 2, shop="first")])
    ingest_source(project, "sales", at(9))
    plan = plan_erasure(project, Person.of(project, "sale", {"id": "first"}), LATER)
    assert plan.elsewhere == ("source sales: column shop, up to 1 rows of other entities",)


@pytest.mark.parametrize("name", ["gone", "first_part", "changes"])
def test_a_key_that_is_called_like_a_field_of_a_record_leaves_the_record_readable(tmp_path, name):
    project = sales_project(tmp_path, [sale(name, 1), sale("second", 2)])
    ingest_source(project, "sales", at(9))
    erased(open_project(tmp_path), "sale", id=name)
    assert ingest_source(open_project(tmp_path), "sales", at(21)).new_rows == 0
    assert set(known_at(open_project(tmp_path), 22)) == {"second"}

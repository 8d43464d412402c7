"""One person's data is erased: nothing holds it, everything that held it says so, and the factory goes on."""

import gzip
import io
import json
import multiprocessing
import os
import signal
from dataclasses import replace
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from ml_platform.audit.erasure.data_subject import Person, UnknownKey
from ml_platform.audit.erasure.erase import ReasonNamesKey, erase, lift_erasure
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.audit.erasure.records import personal_columns
from ml_platform.audit.explain.explainer import explain
from ml_platform.audit.reproduce.reproducer import reproduce
from ml_platform.audit.retention.plan import plan_removal
from ml_platform.audit.retention.remove import StalePlan
from ml_platform.audit.verify.verify import verify_project
from ml_platform.core.clock import to_micros
from ml_platform.core.errors import PlatformError
from ml_platform.core.hashing import canonical_json
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.models.predictor import load_predictor
from ml_platform.operations.monitoring.monitor import monitor_model
from ml_platform.project import open_project
from ml_platform.sources.checks.results import CheckResult, last_recording, record_checks
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.artifact_kinds.drift_reference import HISTOGRAMS, SERIES, DriftReferenceManifest
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.erasure_marks import marks_of
from ml_platform.storage.ledger.lines import chain_faults, ledger_lines
from ml_platform.storage.outputs import current_output
from ml_platform.storage.posted_rows import posted_rows
from ml_platform.storage.prediction_log import read_predictions
from ml_platform.storage.tables import METADATA
from ml_platform.storage.trash import Removal
from ml_platform.storage.versions import versions
from tests.audit.retention.conftest import LATER, wall, with_rules
from tests.audit.verify.factory import MODEL, NOON, inputs_of, predict, refresh
from tests.features.world import SALES, at, sale, sales_project, write_csv

WHY = "asked for by letter 17"


def in_predictions_and_in_training(project):
    """An order that was predicted, and one that was trained on."""
    logged = set(read_predictions(project, MODEL, NOON - timedelta(days=9), LATER)["order_id"])
    trained = load_snapshot(project, versions(project, MODEL)[0].snapshot).train["order_id"]
    return [sorted(logged)[3], trained.iloc[40]]


def erased(project, entity, **key):
    person = Person.of(project, entity, key)
    plan = plan_erasure(project, person, LATER)
    return erase(project, person, plan.id, LATER, actor="ada", reason=WHY)


def require_nowhere(project, text):
    """No file below the state folder and no cell of the database holds a text: bytes as they are, and tables read."""
    for path in project.state.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        assert text.encode() not in content, path
        assert text not in path.name
        if content[:4] == b"PAR1":
            for column in pq.read_table(io.BytesIO(content)).columns:
                assert text not in map(str, column.to_pylist()), path
    with project.database.reading() as connection:
        for table in METADATA.tables.values():
            for row in connection.execute(sa.select(table)):
                assert not any(text in str(value) for value in row), table.name


def held(project, text):
    """How many objects hold a text, tables read."""
    number = 0
    for path in (project.state / "store/objects").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if content[:4] == b"PAR1":
            rows = pq.read_table(io.BytesIO(content)).to_pylist()
            number += any(text in map(str, row.values()) for row in rows)
    return number


def test_after_erasing_nothing_holds_the_key_and_all_else_is_kept(cluttered):
    project = cluttered.project
    one, two = in_predictions_and_in_training(project)
    before = read_predictions(project, MODEL, NOON - timedelta(days=9), LATER)
    trained = {v.id: len(load_snapshot(project, v.snapshot).frame) for v in versions(project, MODEL)}
    rows = {
        two: sum(two in set(load_snapshot(project, v.snapshot).frame["order_id"]) for v in versions(project, MODEL))
    }
    checks = [
        CheckResult("c", False, failing_rows=[{"order_id": one, "amount": 1.0}, {"order_id": "o9", "amount": 2.0}])
    ]
    record_checks(project.database, "sources/orders", checks, "r", NOON)
    assert held(project, one) == 4, "orders, deliveries, both together, predictions"
    assert held(project, two) == 4, "orders, deliveries, both together, a day of snapshots"
    for key in (one, two):
        erased(project, "order", order_id=key)
        require_nowhere(project, key)
    fresh = open_project(project.root)
    after = read_predictions(fresh, MODEL, NOON - timedelta(days=9), LATER)
    assert after.equals(before[before["order_id"] != one].reset_index(drop=True))
    assert rows[two] > 0
    for version in versions(fresh, MODEL):
        snapshot = load_snapshot(fresh, version.snapshot)
        assert trained[version.id] - 2 <= len(snapshot.frame) < trained[version.id]
        assert sum(snapshot.about["rows"].values()) == len(snapshot.frame)
        load_predictor(fresh, fresh.store.get("trained_model", version.id))
    failing = last_recording(fresh.database, "sources/orders").results[0].failing_rows
    assert [row["order_id"] for row in failing] == ["[erased]", "o9"]


def test_verify_finds_no_damage_after_erasing(cluttered):
    project = cluttered.project
    before = verify_project(project)
    assert before.damages == []
    for key in in_predictions_and_in_training(project):
        erased(project, "order", order_id=key)
    erased(project, "courier", courier="courier_c")
    after = verify_project(open_project(project.root))
    assert after.damages == []
    assert after.unused == before.unused, "the hashes of keys, and the places of rows, went with the rows"


def test_a_category_in_drift_s_figures_and_in_a_packed_page_is_masked(cluttered):
    project, key = cluttered.project, "courier_of_one"
    store, (trained, *_) = project.store, [version.id for version in versions(project, MODEL)]
    content = canonical_json({"courier": {"categories": [key, "courier_of_one_more"], "counts": [3, 4]}})
    objects = {HISTOGRAMS: store.put(content), SERIES: store.put(gzip.compress(content, mtime=0))}
    reference = DriftReferenceManifest(rows=7, score_rows=7, scores=(), growing={}, batches_a_day=1.0)
    store.add(reference, "0" * 64, objects=objects, inputs={"trained_model": trained})
    page = store.put(gzip.compress(f"<td>{key}</td>".encode(), mtime=0))
    watched = MonitoringManifest(model=MODEL, at="2024-03-09", verdict="stable", reason="")
    store.add(watched, "1" * 64, objects={"report.html": page})
    erased(project, "courier", courier=key)
    actual = [path.read_bytes() for path in (project.state / "store/objects").rglob("*") if path.is_file()]
    texts = b"\n".join(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content for content in actual)
    assert texts.count(b"courier_of_one") == texts.count(b"courier_of_one_more") == 2
    assert texts.count(b"[erased]") == 3
    assert verify_project(open_project(project.root)).damages == []


def test_what_held_it_is_marked_with_what_it_can_no_longer_prove(cluttered):
    project = cluttered.project
    _, key = in_predictions_and_in_training(project)
    version = versions(project, MODEL)[0]
    assert marks_of(project, "trained_model", version.id) == ()
    plan = erased(project, "order", order_id=key)
    (of_snapshot,) = marks_of(project, "snapshot", version.snapshot)
    assert (of_snapshot.rows, of_snapshot.at) == (1, LATER)
    assert of_snapshot.told == "1 row erased: models trained on it can no longer be reproduced exactly"
    (of_model,) = marks_of(project, "trained_model", version.id)
    assert of_model.told.startswith("1 row erased from its training snapshot: the model can no longer be reproduced")
    replaced = {item.id: item.successor for item in plan.replaced}
    artifact = project.store.get("snapshot", version.snapshot)
    assert artifact.id == replaced[version.snapshot]
    assert marks_of(project, "snapshot", artifact.id) == (replace(of_snapshot, id=artifact.id),)


def test_reproducing_and_explaining_report_what_was_erased(cluttered):
    project = cluttered.project
    _, key = in_predictions_and_in_training(project)
    erased(project, "order", order_id=key)
    fresh = open_project(project.root)
    version = versions(fresh, MODEL)[0]
    reproduction = reproduce(fresh, version)
    assert reproduction.erased == (marks_of(fresh, "trained_model", version.id)[0].told,)
    assert not reproduction.same
    assert "Differences: 1 row erased from its training snapshot: " in reproduction.statement
    logged = read_predictions(fresh, MODEL, NOON - timedelta(days=9), LATER)
    explanation = explain(fresh, logged["prediction_id"][0], LATER)
    assert any("1 row erased: " in problem for problem in explanation.problems), explanation.problems
    assert explanation.again.agrees, explanation.problems


def test_the_ledger_records_it_without_the_key(cluttered):
    project = cluttered.project
    key, _ = in_predictions_and_in_training(project)
    plan = erased(project, "order", order_id=key)
    line = ledger_lines(project.database)[-1]
    assert (line.action, line.ref, line.actor, line.reason) == ("erase", "entity/order", "ada", WHY)
    assert line.facts["key_hash"] == Person.of(project, "order", {"order_id": key}).hash
    assert line.facts["rows"]["predictions"] == 1
    assert key not in json.dumps(line.facts)
    assert not list(chain_faults(project.database))
    assert line.facts["plan"] == plan.id
    with pytest.raises(ReasonNamesKey):
        erase(project, plan.person, plan.id, LATER, actor="ada", reason=f"{key} asked for it")


def test_the_factory_goes_on_and_a_later_ingest_does_not_bring_it_back(cluttered):
    project = cluttered.project
    key, _ = in_predictions_and_in_training(project)
    erased(project, "order", order_id=key)
    fresh, now = open_project(project.root), NOON + timedelta(days=2)
    for name in ("orders", "deliveries"):
        path = fresh.root / f"data/{name}.csv"
        path.write_text(path.read_text() + "\n")  # so that the file, in which the order still is, is read again
    refresh(fresh, now)
    predict(fresh, inputs_of(fresh), now.date(), now + timedelta(hours=10))
    monitor_model(fresh, MODEL, inputs_of(fresh), now + timedelta(hours=11))
    require_nowhere(fresh, key)
    assert len(versions(fresh, MODEL)) >= 2
    assert len(read_predictions(fresh, MODEL, now - timedelta(hours=12), LATER)) > 0
    rules = with_rules(fresh)
    plan_removal(rules, LATER + timedelta(days=2), wall(2))  # everything that is needed can be told


def test_an_entity_that_a_feature_table_is_about_is_erased_from_its_cells(cluttered):
    project = cluttered.project
    before = project.store.get("feature_table", current_output(project.database, "features/courier_recent"))
    plan = erased(project, "courier", courier="courier_c")
    require_nowhere(project, "courier_c")
    assert {"source", "feature_table", "snapshot"} == {item.kind for item in plan.replaced}
    after = project.store.get("feature_table", before.id)
    assert 0 < after.about["rows"] < before.about["rows"]
    refresh(open_project(project.root), NOON + timedelta(days=2))
    require_nowhere(project, "courier_c")


def test_another_plan_than_was_looked_at_erases_nothing(cluttered):
    project = cluttered.project
    key, _ = in_predictions_and_in_training(project)
    person = Person.of(project, "order", {"order_id": key})
    count, lines = held(project, key), len(ledger_lines(project.database))
    with pytest.raises(StalePlan):
        erase(project, person, "0123456789ab", LATER, actor="ada", reason=WHY)
    assert (held(project, key), len(ledger_lines(project.database))) == (count, lines)


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


def _killed_at(root, number, key, plan_id):
    """Erase in a process of its own, which is killed at one of its writes to the store, or of its removals."""
    steps, write, take = iter(range(10_000)), ArtifactStore._write, Removal.remove
    project = open_project(root)

    def counted(self, path, content):
        if next(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, path, content)

    def removing(self, path):
        if next(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        take(self, path)

    for owner, name, counting in ((ArtifactStore, "_write", counted), (Removal, "remove", removing)):
        setattr(owner, name, counting)
    erase(project, Person.of(project, "order", {"order_id": key}), plan_id, LATER, actor="ada", reason=WHY)


def test_a_process_killed_while_it_erases_is_completed_by_a_second_erasure(cluttered):
    project = cluttered.project
    key, _ = in_predictions_and_in_training(project)
    person = Person.of(project, "order", {"order_id": key})
    for number in (0, 4, 6, 6):
        plan = plan_erasure(open_project(project.root), person, LATER)
        assert not plan.is_empty
        project.database.engine.dispose()
        words = (project.root, number, key, plan.id)
        process = multiprocessing.get_context("spawn").Process(target=_killed_at, args=words)
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
        fresh = open_project(project.root)
        for version in versions(fresh, MODEL):
            assert len(load_snapshot(fresh, version.snapshot).frame)
        assert len(read_predictions(fresh, MODEL, NOON - timedelta(days=9), LATER))
    fresh = open_project(project.root)
    erase(fresh, person, plan_erasure(fresh, person, LATER).id, LATER, actor="ada", reason=WHY)
    require_nowhere(fresh, key)
    assert plan_erasure(fresh, person, LATER).is_empty


def test_a_run_beside_that_read_a_source_before_does_not_stand(tmp_path, monkeypatch):
    project = sales_project(tmp_path, [sale("first", 1), sale("second", 2)])
    ingest_source(project, "sales", at(9))
    project = sales_project(tmp_path, [sale("first", 1), sale("second", 2), sale("third", 10)])
    from ml_platform.sources import ingest

    whole = vars(ingest)["append_rows"]

    def late(*words):
        made = whole(*words)
        erased(open_project(tmp_path), "sale", id="first")
        return made

    monkeypatch.setattr(ingest, "append_rows", late)
    with pytest.raises(PlatformError, match=r"it moved meanwhile\. Try again"):
        ingest_source(project, "sales", at(20))
    monkeypatch.setattr(ingest, "append_rows", whole)
    assert ingest_source(open_project(tmp_path), "sales", at(21)).new_rows == 1
    assert set(known_at(open_project(tmp_path), 22)) == {"second", "third"}
    require_nowhere(open_project(tmp_path), "first")


@pytest.mark.parametrize("name", ["gone", "found_in", "changes"])
def test_a_key_that_is_called_like_a_field_of_a_record_leaves_the_record_readable(tmp_path, name):
    project = sales_project(tmp_path, [sale(name, 1), sale("second", 2)])
    ingest_source(project, "sales", at(9))
    erased(open_project(tmp_path), "sale", id=name)
    assert ingest_source(open_project(tmp_path), "sales", at(21)).new_rows == 0
    assert set(known_at(open_project(tmp_path), 22)) == {"second"}


TEXTS_WITHOUT_A_KEY = {
    "declared.part": "declarations",
    "row_log.key": "primary keys of the other tables, of which none is an entity's",
    "ledger.reason": "a reason that holds the key is refused",
    "source_marks.name": "names of files, which tell later which of them have changed",
}


def test_every_text_of_the_database_is_masked_or_is_known_to_hold_no_key():
    texts = {
        f"{column.table.name}.{column.name}"
        for table in METADATA.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.Text)
    }
    masked = {f"{column.table.name}.{column.name}" for column in personal_columns()}
    assert texts - masked == set(TEXTS_WITHOUT_A_KEY)


def test_what_a_killed_process_wrote_halfway_goes_with_the_person(cluttered):
    project = cluttered.project
    one, _ = in_predictions_and_in_training(project)
    half = project.state / "store/tmp/.ab12.f00d"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"PAR1" + str(one).encode())
    planted = [project.state / "store" / path for path in ("tmp/rows.csv", "objects/notes.txt", "export.csv")]
    for path in planted:
        path.write_text(f"order_id\n{one}\nothers\n")
    (project.state / "logs").mkdir(exist_ok=True)
    (project.state / "logs/run.log").write_text(f"row {one} failed\n")
    erased(project, "order", order_id=one)
    assert not half.exists()
    assert all(path.read_text() == "order_id\n[erased]\nothers\n" for path in planted)
    assert (project.state / "logs/run.log").read_text() == "row [erased] failed\n"
    require_nowhere(project, one)
    assert plan_erasure(project, Person.of(project, "order", {"order_id": one}), LATER).is_empty

"""One person's data is erased: nothing holds it, everything that held it says so, and the factory goes on."""

import gzip
import io
import json
from dataclasses import replace
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.erase import ReasonNamesKey, erase
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.audit.erasure.records import personal_columns
from ml_platform.audit.explain.explainer import explain
from ml_platform.audit.reproduce.reproducer import reproduce
from ml_platform.audit.retention.plan import plan_removal
from ml_platform.audit.retention.remove import StalePlan
from ml_platform.audit.verify.verify import verify_project
from ml_platform.core.hashing import canonical_json
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.models.predictor import load_predictor
from ml_platform.operations.monitoring.monitor import monitor_model
from ml_platform.project import open_project
from ml_platform.sources.checks.results import CheckResult, last_recording, record_checks
from ml_platform.storage.artifact_kinds.drift_reference import HISTOGRAMS, SERIES, DriftReferenceManifest
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.erasure_marks import marks_of
from ml_platform.storage.ledger.lines import chain_faults, ledger_lines
from ml_platform.storage.outputs import current_output
from ml_platform.storage.prediction_log import read_predictions
from ml_platform.storage.tables import METADATA
from ml_platform.storage.versions import versions
from tests.audit.retention.conftest import LATER, wall, with_rules
from tests.audit.verify.factory import MODEL, NOON, inputs_of, predict, refresh

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
    assert of_snapshot.description == "1 row erased: models trained on it can no longer be reproduced exactly"
    (of_model,) = marks_of(project, "trained_model", version.id)
    unproved = "1 row erased from its training snapshot: the model can no longer be reproduced"
    assert of_model.description.startswith(unproved)
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
    assert reproduction.erased == (marks_of(fresh, "trained_model", version.id)[0].description,)
    assert not reproduction.same
    assert "Differences: 1 row erased from its training snapshot: " in reproduction.statement
    logged = read_predictions(fresh, MODEL, NOON - timedelta(days=9), LATER)
    explanation = explain(fresh, logged["prediction_id"][0], LATER)
    assert any("1 row erased: " in problem for problem in explanation.problems), explanation.problems
    assert explanation.rescored.agrees, explanation.problems


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


TEXTS_WITHOUT_A_KEY = {
    "declared.part": "declarations",
    "row_log.key": "primary keys of the other tables, of which none is an entity's",
    "ledger.reason": "a reason that holds the key is refused",
    "source_marks.name": "names of files, which tell later which of them have changed",
    "source_file_key_counts.name": "the same names of files",
    "source_file_key_counts.keys": "numbers of keys",
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

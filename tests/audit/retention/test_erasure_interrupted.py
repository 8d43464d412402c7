"""An erasure that a kill ends, and what runs beside one or was killed before it."""

import multiprocessing
import os
import signal
from datetime import timedelta

import pytest
import sqlalchemy as sa

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.erase import erase
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.core.errors import PlatformError
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.project import open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.database_errors import DatabaseUnavailable
from ml_platform.storage.outputs import OUTPUTS
from ml_platform.storage.prediction_log import read_predictions
from ml_platform.storage.trash import Removal
from ml_platform.storage.versions import versions
from tests.audit.retention.conftest import LATER
from tests.audit.retention.test_erased_rows import known_at
from tests.audit.retention.test_erasure import WHY, erased, in_predictions_and_in_training, require_nowhere
from tests.audit.verify.factory import MODEL, NOON
from tests.features.world import at, sale, sales_project


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
    project = sales_project(tmp_path, [sale("sale_one", 1), sale("sale_two", 2)])
    ingest_source(project, "sales", at(9))
    project = sales_project(tmp_path, [sale("sale_one", 1), sale("sale_two", 2), sale("sale_three", 10)])
    from ml_platform.sources import ingest

    whole = vars(ingest)["append_rows"]

    def late(*words):
        made = whole(*words)
        erased(open_project(tmp_path), "sale", id="sale_one")
        return made

    monkeypatch.setattr(ingest, "append_rows", late)
    with pytest.raises(PlatformError, match=r"it moved meanwhile\. Try again"):
        ingest_source(project, "sales", at(20))
    monkeypatch.setattr(ingest, "append_rows", whole)
    assert ingest_source(open_project(tmp_path), "sales", at(21)).new_rows == 1
    assert set(known_at(open_project(tmp_path), 22)) == {"sale_two", "sale_three"}
    require_nowhere(open_project(tmp_path), "sale_one")


def test_an_erasure_stops_where_a_reader_keeps_the_log_of_the_database(tmp_path):
    project = sales_project(tmp_path, [sale("sale_one", 1), sale("sale_two", 2)])
    ingest_source(project, "sales", at(9))
    sa.event.listen(project.database.engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout=0"))
    project.database.engine.dispose()
    with open_project(tmp_path).database.snapshot() as reader:
        reader.execute(sa.select(OUTPUTS)).all()
        with pytest.raises(DatabaseUnavailable, match=r"is read by another process\. Stop the process"):
            erased(project, "sale", id="sale_one")
    erased(project, "sale", id="sale_one")
    require_nowhere(project, "sale_one")


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

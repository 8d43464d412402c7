"""What is removed from a factory, what never is, and that everything goes on."""

import multiprocessing
import os
import shutil
import signal
from datetime import timedelta

import pytest
import sqlalchemy as sa

from ml_platform.audit.references.links import reach
from ml_platform.audit.references.roots import all_roots, removed_on_purpose
from ml_platform.audit.retention.plan import plan_removal
from ml_platform.audit.retention.reachability import UnreadableDependency
from ml_platform.audit.retention.remove import StalePlan, remove
from ml_platform.audit.verify.verify import verify_project
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.features.tile_index import CELLS
from ml_platform.models.predictor import load_predictor
from ml_platform.project import open_project
from ml_platform.storage.artifacts import TEMPORARY, ArtifactStore
from ml_platform.storage.ledger.lines import chain_faults, ledger_lines
from ml_platform.storage.outputs import current_output, record_output
from ml_platform.storage.prediction_log import logged_days, read_predictions
from ml_platform.storage.trash import Removal
from ml_platform.storage.versions import versions
from tests.audit.retention.conftest import LATER, wall, with_rules
from tests.audit.verify.factory import MODEL, NOON, refresh


def removed(project, days=2.0, now=LATER):
    plan = plan_removal(project, now, wall(days))
    return remove(project, plan.id, now, wall(days), actor="ada")


def reasons(plan):
    return {(item.kind, item.id): item.why for item in plan.stays}


def require_whole(project):
    """Everything that may be asked for can be read: by hand, and by the walk."""
    for version in versions(project, MODEL):
        load_predictor(project, project.store.get("trained_model", version.id))
        assert len(load_snapshot(project, version.snapshot).frame)
    assert len(read_predictions(project, MODEL, NOON - timedelta(days=9), LATER)) > 0
    for reached in reach(project.store, all_roots(project.database)):
        assert reached.problem is None, reached
        for stored in reached.artifact.objects.values():
            project.store.read(stored)


def files(project):
    root = project.state / "store"
    sizes = {path.relative_to(root).as_posix(): path.stat().st_size for path in root.rglob("*") if path.is_file()}
    return {path: size for path, size in sizes.items() if not path.startswith("anchors/")}


def test_without_a_rule_nothing_that_has_a_manifest_goes(cluttered):
    plan = plan_removal(cluttered.project, LATER, wall(400))
    assert not plan.goes
    kept = reasons(plan)
    assert kept["snapshot", cluttered.snapshot.id] == "retention has no rule for snapshots"
    assert kept["trained_model", versions(cluttered.project, MODEL)[0].id].startswith(
        "logged predictions of late_parcel on 2024-03-01 > "
    )


def test_only_what_is_not_needed_goes_and_all_else_can_still_be_read(cluttered):
    project = with_rules(cluttered.project)
    before = files(project)
    plan = removed(project)
    gone = {(item.kind, item.id) for item in plan.goes}
    assert {("snapshot", cluttered.snapshot.id), ("trained_model", cluttered.trained.id)} <= gone
    assert not {("snapshot", version.snapshot) for version in versions(project, MODEL)} & gone
    assert "evaluation" not in {kind for kind, _ in gone}
    assert not {("predictions", day.artifact) for day in logged_days(project, MODEL)} & gone  # a former state may go
    fresh = open_project(project.root)
    require_whole(fresh)
    aside = {file.path for file in plan.set_aside}
    assert {name for name in before if name not in files(fresh)} == aside
    removed_later = removed(fresh, days=4)
    assert (len(removed_later.final), removed_later.final_bytes, removed_later.set_aside) == (
        len(aside),
        plan.bytes,
        (),
    )
    assert files(fresh) == {name: size for name, size in before.items() if name not in aside}
    assert plan_removal(fresh, LATER, wall(5)).is_empty
    require_whole(fresh)
    assert [str(damage) for damage in verify_project(fresh).damages] == []


def test_the_factory_goes_on_after_a_removal(cluttered):
    project = with_rules(cluttered.project)
    removed(project)
    removed(project, days=4)
    fresh = open_project(project.root)
    refresh(fresh, NOON + timedelta(days=2))
    require_whole(fresh)


def test_the_ledger_names_what_was_removed_and_why(cluttered):
    project = with_rules(cluttered.project)
    plan = removed(project)
    line = ledger_lines(project.database)[-1]
    assert (line.action, line.actor, line.facts["plan"], line.facts["bytes"]) == ("delete", "ada", plan.id, plan.bytes)
    assert line.facts["removed"]["snapshot"] == [cluttered.snapshot.id]
    assert ("snapshot", cluttered.snapshot.id) in removed_on_purpose(project.database)
    assert not list(chain_faults(project.database))


def test_a_plan_that_does_not_hold_any_more_removes_nothing(cluttered):
    project = with_rules(cluttered.project)
    plan, before = plan_removal(project, LATER, wall(2)), files(project)
    record_output(project.database, f"{MODEL}/snapshot", "snapshot", cluttered.snapshot.id, run="r", at=NOON)
    with pytest.raises(StalePlan, match=f"plan {plan.id} is out of date: the current plan is "):
        remove(project, plan.id, LATER, wall(2), actor="ada")
    assert files(project) == before


def test_what_is_younger_than_its_rule_or_the_grace_period_stays(cluttered):
    project = with_rules(cluttered.project)
    key = ("snapshot", cluttered.snapshot.id)
    early = plan_removal(project, NOON + timedelta(days=9), wall(2))
    assert reasons(early)[key] == "retention keeps snapshots for 10d"
    young = plan_removal(project, LATER, wall())
    assert reasons(young)[key].startswith(
        "output of late_parcel/trained_model when a run in progress may have begun > "
    )
    assert not young.set_aside


def test_an_object_without_a_manifest_goes_after_the_grace_period(cluttered):
    project = cluttered.project
    stored = project.store.put(b"a run began, and was killed")
    half = project.state / f"store/{TEMPORARY}/.{stored.sha256}.0123"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"half")
    paths = {f"objects/{stored.sha256[:2]}/{stored.sha256}", f"{TEMPORARY}/{half.name}"}
    assert not paths & {file.path for file in plan_removal(project, NOON, wall(0.9)).set_aside}
    assert paths <= {file.path for file in plan_removal(project, NOON, wall(1.1)).set_aside}


def test_a_manifest_that_the_database_does_not_know_stays_with_what_it_names(cluttered):
    """It may be of after the copy from which the database was restored: then nobody could make its rows again."""
    project = with_rules(cluttered.project)
    without_index = ArtifactStore(str(project.state / "store"))
    rows = without_index.put(b"rows of an unknown log")
    without_index.write("source", "f" * 64, "e" * 64, objects={"rows": rows})
    alone = without_index.put(b"named by nobody")
    removed(project)
    assert project.store.read(rows) == b"rows of an unknown log"
    assert not project.store.holds(alone)
    assert verify_project(project).unknown == [f"manifests/source/{'f' * 64}.json", f"keys/source/{'e' * 64}"]


def test_what_was_set_aside_is_restored_when_it_is_read(cluttered):
    project = with_rules(cluttered.project)
    removed(project)
    fresh = open_project(project.root)
    assert len(load_snapshot(fresh, cluttered.snapshot.id).frame)
    record_output(fresh.database, f"{MODEL}/snapshot", "snapshot", cluttered.snapshot.id, run="r", at=NOON)
    removed(fresh, days=4)
    assert len(load_snapshot(fresh, cluttered.snapshot.id).frame)


def test_an_object_that_is_needed_once_more_comes_back_before_others_go_for_good(cluttered):
    project = with_rules(cluttered.project)
    removed(project)
    stored = next(iter(cluttered.snapshot.objects.values()))
    project.store.write("note", "n" * 64, "k", objects={"day": stored})  # of a run that had seen the object before
    plan = removed(project, days=4)
    assert f"objects/{stored.sha256[:2]}/{stored.sha256}" in plan.back
    assert f"objects/{stored.sha256[:2]}/{stored.sha256}" in files(project)


def test_cells_that_went_are_recomputed(cluttered):
    project = cluttered.project
    source = current_output(project.database, "sources/deliveries")
    before = build_feature_table(project, "courier_recent", source).artifact
    with pytest.MonkeyPatch.context() as patch:  # as if nothing had ever been deployed or predicted
        patch.setattr("ml_platform.audit.retention.reachability.all_roots", lambda database: [])
        patch.setattr("ml_platform.audit.retention.reachability._outputs", lambda project: {})
        rules = {name: timedelta(days=1) for name in ("snapshots", "trained_models", "feature_tables", "monitoring")}
        for name, rule in rules.items():
            project.spec.file.retention.__dict__[name] = rule
        plan = removed(project)
    assert {stored.sha256 for stored in before.objects.values()} <= set(plan.objects)
    with project.database.reading() as connection:
        hashes = connection.scalars(sa.select(CELLS.c.sha256)).all()
    assert not set(hashes) & set(plan.objects)
    removed_for_good = project.state / "store/aside"
    shutil.rmtree(removed_for_good)
    rebuilt = build_feature_table(project, "courier_recent", source).artifact
    assert rebuilt.id == before.id
    for stored in rebuilt.objects.values():
        project.store.read(stored)


def test_nothing_goes_while_something_that_is_needed_is_damaged(cluttered):
    project = with_rules(cluttered.project)
    path = project.state / f"store/manifests/snapshot/{versions(project, MODEL)[0].snapshot}.json"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(
        UnreadableDependency,
        match="nothing can be removed: the artifacts in use cannot be determined, because of snapshot",
    ):
        plan_removal(project, LATER, wall(2))
    path.unlink()
    with pytest.raises(UnreadableDependency, match="It was never finished, or has been removed"):
        plan_removal(project, LATER, wall(2))


def _killed_at(root, number, plan_id):
    """Remove in a process of its own, which is killed at one of the moves."""
    moves, whole = iter(range(10_000)), Removal._move

    def move(self, path, to):
        if next(moves) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(self, path, to)

    setattr(Removal, "_move", move)  # noqa: B010
    remove(open_project(root), plan_id, LATER, wall(2), actor="ada")


def test_a_process_killed_at_any_move_leaves_a_whole_store_and_a_second_removal_does_the_rest(cluttered):
    project = with_rules(cluttered.project)
    plan = plan_removal(project, LATER, wall(2))
    moves = len(plan.set_aside)
    project.database.engine.dispose()
    killed = 0
    for number in sorted({0, 1, 2, 3, moves // 2, moves - 1}):
        current = plan_removal(open_project(project.root), LATER, wall(2))
        process = multiprocessing.get_context("spawn").Process(
            target=_killed_at, args=(project.root, number if number < len(current.set_aside) else 0, current.id)
        )
        process.start()
        process.join(120)
        killed += process.exitcode == -signal.SIGKILL
        require_whole(open_project(project.root))
    assert killed == 6
    fresh = open_project(project.root)
    removed(fresh)
    assert not {file.path for file in plan.set_aside} & set(files(fresh))
    require_whole(fresh)

"""Twenty processes deploy at once: one wins at each step, and the ledger is one chain; on SQLite and on PostgreSQL."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_platform.audit.verify.verify import verify_project
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.models.train import train_model
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion, rivals_of
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.storage.ledger.anchors import SEAL, stored_anchors
from ml_platform.storage.ledger.lines import chain_faults, ledger_lines
from ml_platform.storage.versions import versions
from tests.audit.verify.deploy_attempt import attempt
from tests.audit.verify.factory import MODEL, NOON, inputs_of
from tests.audit.verify.small_shop import write_small
from tests.storage import postgres

PROCESSES, STEPS = 20, 3


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
    else:
        with postgres.server() as server, postgres.schema(server) as url:
            yield url


@pytest.mark.server
def test_of_twenty_processes_that_deploy_at_once_one_wins_at_each_step(
    tmp_path: Path, database_url: str | None
) -> None:
    root = tmp_path / "shop"
    trained, snapshot_id = _train_some(write_small(root, database_url), root)
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(["tests.audit.verify.deploy_attempt"])
    won: list[str] = []
    with forking.Pool(PROCESSES) as pool:
        for step in range(STEPS):
            current = won[-1] if won else None
            candidates = [id for id in trained if id != current]
            project = open_project(root)
            judged = [_evaluate(project, id, snapshot_id, current) for id in candidates]
            asked = [
                (root, candidates[number % len(candidates)], judged[number % len(candidates)], number)
                for number in range(PROCESSES)
            ]
            winners = [made for made in pool.starmap(attempt, asked, chunksize=1) if made is not None]
            assert len(winners) == 1, f"step {step}"
            won += winners
            actual = champion(project, MODEL)
            assert actual is not None
            assert actual.id == won[-1]
            project.database.engine.dispose()
    _require_one_chain(open_project(root), won)


def _evaluate(project: Project, trained: str, snapshot: str, current: str | None) -> str:
    anchor = rivals_of(project, MODEL, trained).anchor if current else None
    return evaluate_model(project, MODEL, trained, snapshot, current, anchor).artifact.id


def _train_some(project: Project, root: Path) -> tuple[list[str], str]:
    """Train three models that differ in how many trees they have."""
    snapshot_id = build_snapshot(project, MODEL, inputs_of(project), NOON).artifact.id
    path, trained = root / "models/late_parcel.yaml", list[str]()
    text = path.read_text()
    assert "num_iterations: 10" in text
    for count in (10, 11, 12):
        path.write_text(text.replace("num_iterations: 10", f"num_iterations: {count}"))
        changed = open_project(root)
        trained.append(train_model(changed, MODEL, snapshot_id).artifact.id)
        changed.database.engine.dispose()
    project.database.engine.dispose()
    assert len(set(trained)) == 3
    return trained, snapshot_id


def _require_one_chain(project: Project, won: list[str]) -> None:
    lines = ledger_lines(project.database)
    deployed = [line for line in lines if line.action != SEAL]
    assert [line.to_value for line in deployed] == won
    assert [line.from_value for line in deployed] == [None, *won[:-1]]
    assert list(chain_faults(project.database)) == []
    assert [anchor.head.hash for anchor in stored_anchors(project) if anchor.head] == [line.hash for line in lines]
    numbers = [version.number for version in versions(project, MODEL)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [str(damage) for damage in verify_project(project).damages] == []
    project.database.engine.dispose()

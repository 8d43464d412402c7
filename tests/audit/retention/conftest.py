"""A factory with something to remove beside what is needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.models.train import train_model
from ml_platform.project import Project, open_project
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output, record_output
from tests.audit.verify.factory import MODEL, NOON, build_factory, copy_factory

RULES = "snapshots: 10d, trained_models: 10d, feature_tables: 10d, sources: 10d, monitoring: 10d"
LATER = NOON + timedelta(days=60)
"""By the project's clock: every rule has let go."""


@dataclass(frozen=True)
class Cluttered:
    """A factory, and what nobody needs in it: a snapshot, and a trained model that is no version."""

    project: Project
    snapshot: Artifact
    trained: Artifact


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = build_factory(tmp_path_factory.mktemp("factory"))
    before = {node: current_output(project.database, node) for node in (f"{MODEL}/snapshot", f"{MODEL}/trained_model")}
    inputs = {node: current_output(project.database, node) or "" for node in _nodes(project)}
    snapshot = build_snapshot(project, MODEL, inputs, NOON - timedelta(days=3)).artifact
    model = project.root / "models/late_parcel.yaml"
    declared = model.read_text()
    model.write_text(declared.replace("num_leaves: 7", "num_leaves: 5"))
    trained = train_model(open_project(project.root), MODEL, snapshot.id).artifact
    model.write_text(declared)
    for node, kind, id in (
        (f"{MODEL}/snapshot", "snapshot", snapshot.id),
        (f"{MODEL}/trained_model", "trained_model", trained.id),
        *((node, node.partition("/")[2], id) for node, id in before.items()),
    ):
        record_output(project.database, node, kind, str(id), run="r", at=NOON)
    return project


def _nodes(project: Project) -> list[str]:
    return [f"sources/{name}" for name in project.spec.sources] + [
        f"features/{name}" for name in project.spec.feature_tables
    ]


@pytest.fixture
def cluttered(built: Project, tmp_path: Path) -> Cluttered:
    project = copy_factory(built, tmp_path / "factory")
    kept = {str(current_output(project.database, f"{MODEL}/{kind}")) for kind in ("snapshot", "trained_model")}
    versions = {artifact for _, artifact in _versions(project)} | kept
    trained = [id for id in project.store.ids("trained_model") if id not in versions]
    assert len(trained) == 1
    artifact = project.store.get("trained_model", trained[0])
    return Cluttered(project, project.store.get("snapshot", artifact.inputs["snapshot"]), artifact)


def _versions(project: Project) -> list[tuple[int, str]]:
    from ml_platform.storage.versions import versions

    return [(version.number, version.id) for version in versions(project, MODEL)]


def with_rules(project: Project, rules: str = RULES, grace: str = "1d") -> Project:
    """Declare retention and open the project anew."""
    path = project.root / "project.yaml"
    text = path.read_text().partition("\nretention:")[0]
    path.write_text(f"{text}\nretention: {{{rules}, grace: {grace}}}\n")
    return open_project(project.root)


def wall(days: float = 0.0) -> datetime:
    """The clock on the wall, some days on."""
    return datetime.now(UTC) + timedelta(days=days)

"""The trained model that the next run of a project finds by its key, so that it trains nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ml_platform.core.errors import ArtifactMissing
from ml_platform.datasets.snapshot.build import last_as_of, snapshot_key
from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.node_name import NodeName
from ml_platform.models.train import fit_inputs_of, training_key
from ml_platform.models.tuning.tune import tuning_key
from ml_platform.operations.scheduling import training_as_of
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output


@dataclass(frozen=True)
class Reusable:
    """A trained model by the key that the next run looks for it, with its snapshot."""

    id: str
    key: str
    snapshot: str
    snapshot_key: str


def find_model(project: Project, tried: ArtifactStore, model: str, now: datetime) -> Reusable | str:
    """Return the trained model that the next run of a changed project finds, or why it would train one.

    Parameters
    ----------
    project
        The changed declarations over production's stores.
    tried
        The store of an experiment, or production's.
    """
    spec, last = project.spec.models[model], last_as_of(project, model)
    as_of = training_as_of(spec.retraining, now, last, forced=False)
    if last is not None and as_of != last:
        return f"a scheduled retraining is due, as of {as_of:%Y-%m-%d %H:%M} UTC"
    logs = dict(_logs(project, model))
    if None in logs.values():
        return "a source that it reads was never ingested"
    key_of_snapshot = snapshot_key(project, model, {name: log for name, log in logs.items() if log is not None}, as_of)
    snapshot = _led_to(tried, project.store, "snapshot", key_of_snapshot)
    if snapshot is None:
        return "its rows or features are not those of the experiment any more"
    tuning = None
    if spec.tuning is not None:
        key_of_tuning = tuning_key(project, model, snapshot.id)
        tuning = _led_to(tried, project.store, "tuning", key_of_tuning)
        if tuning is None:
            return "its search for parameters, the libraries or the machine are not those of the experiment"
    key = training_key(project, model, fit_inputs_of(snapshot.id, tuning.id if tuning else None))
    trained = _led_to(tried, project.store, "trained_model", key)
    if trained is None:
        return "its declaration, the libraries or the machine are not those of the experiment"
    if project.spec.file.audit.dirty_tree == "refuse" and _is_dirty(trained):
        return "the project refuses to train from uncommitted files, and the experiment was trained from some"
    return Reusable(trained.id, key, snapshot.id, key_of_snapshot)


def _led_to(tried: ArtifactStore, store: ArtifactStore, kind: str, key: str) -> Artifact | None:
    """Return the artifact that a key leads to in one of both stores.

    What an experiment made may equal what production has. Then the key is in the experiment's store, and the artifact
    in production's: it is written once.
    """
    there = tried.find(kind, key) or store.find(kind, key)
    if there is not None:
        return there
    id = (tried.read_file(f"keys/{kind}/{key}") or b"").decode(errors="replace")
    return artifact_in(store, kind, id) if re.fullmatch(r"[0-9a-f]{64}", id) else None


def artifact_in(store: ArtifactStore, kind: str, id: str) -> Artifact | None:
    """Return an artifact of a store, or None where it is not there."""
    try:
        return store.get(kind, id)
    except ArtifactMissing:
        return None


def _logs(project: Project, model: str) -> Iterator[tuple[str, Artifact | None]]:
    """Yield the last state of the source of each node that a model's snapshot is made from."""
    node = next(node for node in build_graph(project.spec) if node.name == NodeName("snapshot", model))
    for name in node.inputs:
        source = name.subject if name.kind == "source" else project.spec.feature_tables[name.subject].source
        id = current_output(project.database, NodeName("source", source))
        yield str(name), None if id is None else artifact_in(project.store, "source", id)


def _is_dirty(trained: Artifact) -> bool:
    provenance = TrainedModelManifest.of(trained).provenance
    return provenance is None or provenance.git is None or provenance.git.dirty

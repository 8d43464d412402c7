"""Checking a snapshot for leakage: the results are stored with it, so that a second check costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from ml_platform.core.errors import LabelLeakage
from ml_platform.core.hashing import cache_key
from ml_platform.core.plain_values import json_value
from ml_platform.datasets.leakage.empty_windows import empty_windows
from ml_platform.datasets.leakage.find_leaks import find_leaks
from ml_platform.datasets.leakage.label_rows import label_columns, truth_of
from ml_platform.datasets.snapshot.read import Snapshot, load_snapshot
from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.resolve import expand_features
from ml_platform.project import Project
from ml_platform.sources.checks.results import CheckResult
from ml_platform.storage.artifact_kinds.checks import ChecksManifest, HeldResult
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.manifest import Artifact

_KIND, _VERSION = "checks", "leaks-3"


def check_leaks(
    project: Project, model_name: str, snapshot_id: str, read: Callable[[], Snapshot] | None = None
) -> tuple[CheckResult, ...]:
    """Return the results of the four checks of a snapshot; stored results of the same snapshot are not recomputed.

    Parameters
    ----------
    read
        Gives the snapshot to those who need it anyway; without it, it is read where it is needed.

    Raises
    ------
    ArtifactMissing
        Where the snapshot, or the label's source that it was made from, is not in the store.
    """
    key = _key(project, model_name, snapshot_id)
    checks = project.store.find(_KIND, key)
    if checks is None:
        model = project.spec.models[model_name]
        made = project.store.get("snapshot", snapshot_id)
        source, as_of = (
            made.inputs[NodeName("source", model.label.source)],
            datetime.fromisoformat(SnapshotManifest.of(made).as_of),
        )
        snapshot = read() if read else load_snapshot(project, snapshot_id)
        truth = truth_of(project, model_name, source, snapshot.frame, as_of)
        empty = empty_windows(project, model, made, snapshot.frame)
        results = find_leaks(project.spec, model, snapshot, truth, label_columns(project, model_name), empty)
        manifest = ChecksManifest(results=tuple(HeldResult(**json_value(asdict(result))) for result in results))
        checks = project.store.add(manifest, key, inputs={"snapshot": snapshot_id})
    return _results(checks)


def known_leaks(project: Project, model_name: str, snapshot_id: str) -> tuple[CheckResult, ...] | None:
    """Return the results of the checks of a snapshot; None where this declaration has not been checked on it yet."""
    checks = project.store.find(_KIND, _key(project, model_name, snapshot_id))
    return None if checks is None else _results(checks)


def _key(project: Project, model_name: str, snapshot_id: str) -> str:
    model = project.spec.models[model_name]
    declared = {"leaks": deciding(model.leakage), "label": deciding(model.label), "task": model.task}
    features = list(expand_features(project.spec, model))
    return cache_key(_KIND, {**declared, "features": features}, _VERSION, {"snapshot": snapshot_id})


def _results(checks: Artifact) -> tuple[CheckResult, ...]:
    return tuple(CheckResult(**dict(result)) for result in ChecksManifest.of(checks).results)


def require_no_leaks(
    project: Project, model_name: str, snapshot_id: str, read: Callable[[], Snapshot] | None = None
) -> None:
    """Refuse a snapshot that must not be trained on. `read` is what it is for `check_leaks`.

    Raises
    ------
    LabelLeakage
        Naming each feature, its figure and the limit.
    """
    results = [result for result in check_leaks(project, model_name, snapshot_id, read) if result.blocks]
    if results:
        raise LabelLeakage(model_name, [str(result.summary["problem"]) for result in results])

"""Which label the predictions of a version are about: figures over two labels are of neither.

A version predicts the label that was declared when its snapshot was made. After a change of the label it may stay the
champion for long, and its predictions are in the log.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.declarations.label import ONLY
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import Version, versions


def of_one_label(
    project: Project, model: str, label_source: str, numbers: Collection[int], now: datetime
) -> tuple[Project, str, frozenset[int]]:
    """Return the project with the label that a model's champion predicts, and the versions that predict it too.

    Parameters
    ----------
    label_source
        The artifact of the declared label's source.
    numbers
        The versions that are looked at.

    Returns
    -------
    The project, the artifact of that label's source, and the numbers of those versions. Where the champion's label
    cannot be computed any more, such as when its source is gone, they are of the declared label.
    """
    declared = declared_label(project, model)
    labels = {
        version.number: _label_of(project, version) or declared
        for version in versions(project, model)
        if version.number in numbers
    }
    live = champion(project, model, at=now)
    wanted = declared if live is None else labels.get(live.number, declared)
    if wanted != declared:
        source: str | None = label_source
        if wanted["source"] != declared["source"]:
            source = current_output(project.database, NodeName("source", wanted["source"]))
        changed = _with_label(project, model, wanted)
        if changed is None or source is None:
            wanted = declared
        else:
            project, label_source = changed, source
    return project, label_source, frozenset(number for number, label in labels.items() if label == wanted)


def with_label_of(project: Project, model: str, number: int) -> Project:
    """Return the project with the label that a version predicts; as it is where that is declared, or unknown."""
    labels = [_label_of(project, version) for version in versions(project, model) if version.number == number]
    wanted = labels[0] if labels else None
    if wanted is None or wanted == declared_label(project, model):
        return project
    return _with_label(project, model, wanted) or project


def declared_label(project: Project, model: str) -> Mapping[str, Any]:
    """Return the label that a model declares, as its snapshots keep it."""
    label: Mapping[str, Any] = deciding_part(project.spec, "snapshot", model)["label"]
    return label


def _label_of(project: Project, version: Version) -> Mapping[str, Any] | None:
    """Return the label that a version predicts, as it was declared; None where its snapshot cannot be read."""
    try:
        declared = SnapshotManifest.of(project.store.get("snapshot", version.snapshot)).declared
    except (ArtifactMissing, ArtifactDamaged):  # verify reports it
        return None
    label: Mapping[str, Any] | None = declared.get("label")
    return label


def _with_label(project: Project, model: str, label: Mapping[str, Any]) -> Project | None:
    """Return the project with a label as snapshots keep it; None where it can no longer be declared."""
    if label["source"] not in project.spec.sources:
        return None
    fields = dict(label)
    aggregates = {name: {**facts} for name, facts in fields.pop("aggregates", {}).items()}
    for facts in aggregates.values():
        facts.pop("windows", None)  # they are those of the label
    if aggregates:
        fields |= {"aggregates": aggregates} if "expression" in fields else aggregates[ONLY]
    spec = project.spec.models[model]
    declared = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    try:
        changed = ModelSpec.model_validate({**declared, "label": fields})
    except ValidationError:  # it is of another version of the platform
        return None
    then = project.with_spec(replace(project.spec, models={**project.spec.models, model: changed}))
    return then if declared_label(then, model) == label else None

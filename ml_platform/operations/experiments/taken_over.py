"""Copying the trained model of an experiment that the next run of a project looks for to production's store."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.core.errors import ArtifactDamaged
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.planning.trained_model_there import Reusable, artifact_in
from ml_platform.storage.artifact_kinds import artifact_kind
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import Artifact


def copy_artifacts(tried: ArtifactStore, store: ArtifactStore, reusable: Reusable) -> None:
    """Copy a trained model, with the snapshot and the feature tables that were made for it, into production's store.

    Of what production has already, only the key is added.

    Every artifact is checked against its hashes, and its id against its content, before the first is written.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
    """
    artifacts = [*_needed(tried, reusable)]
    for artifact, _ in artifacts:
        id = artifact_kind(artifact.kind).of(artifact).id_of(artifact.inputs, artifact.objects)
        if id is not None and id != artifact.id:
            raise ArtifactDamaged(f"{artifact.kind} {artifact.short_id}", artifact.id, id)
        for stored in artifact.objects.values():
            if not store.holds(stored):
                tried.read(stored)
    for artifact, key in artifacts:
        for stored in artifact.objects.values():
            if not store.holds(stored):
                store.put(tried.read(stored))
        about, inputs = artifact.about, artifact.inputs
        store.write(artifact.kind, artifact.id, key, objects=artifact.objects, about=about, inputs=inputs)
    for kind, id, key in (
        ("snapshot", reusable.snapshot, reusable.snapshot_key),
        ("trained_model", reusable.id, reusable.key),
    ):
        if store.find(kind, key) is None:  # production has an equal one, by another key
            equal = store.get(kind, id)
            store.write(kind, id, key, objects=equal.objects, about=equal.about, inputs=equal.inputs)


def _needed(tried: ArtifactStore, reusable: Reusable) -> Iterator[tuple[Artifact, str]]:
    """Yield the artifacts that the experiment made for a trained model, inputs first, each with its key."""
    snapshot = artifact_in(tried, "snapshot", reusable.snapshot)
    if snapshot is not None:
        for name, id in snapshot.inputs.items():
            table = artifact_in(tried, "feature_table", id) if NodeName.parse(name).kind == "feature_table" else None
            if table is not None:
                yield table, table.key
        yield snapshot, reusable.snapshot_key
    for id in tried.ids("checks"):
        checks = tried.get("checks", id)
        if checks.inputs.get("snapshot") == reusable.snapshot:
            yield checks, checks.key
    trained = artifact_in(tried, "trained_model", reusable.id)
    if trained is not None:
        tuning = artifact_in(tried, "tuning", trained.inputs["tuning"]) if "tuning" in trained.inputs else None
        if tuning is not None:
            yield tuning, tuning.key
        yield trained, reusable.key

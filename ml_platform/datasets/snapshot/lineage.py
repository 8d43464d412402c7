"""What a snapshot was made from: every ingested partition with its hash, and every feature table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ml_platform.core.errors import ArtifactMissing
from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.manifest import Artifact


@dataclass(frozen=True)
class Partition:
    """One immutable part of an input: an ingested partition, or the cells of one.

    Attributes
    ----------
    id
        The hash of what its rows hold; None for cells, whose columns have ids of their own.
    sha256
        Of the objects that hold it.
    """

    name: str
    rows: int
    id: str | None
    sha256: tuple[str, ...]


@dataclass(frozen=True)
class SnapshotInput:
    """An input of a snapshot; a feature table's source is an input too. `partitions` is None where it is gone."""

    node: str
    kind: str
    id: str
    partitions: tuple[Partition, ...] | None

    def as_json(self) -> dict[str, Any]:
        """Return it in JSON types."""
        return asdict(self)


def inputs_of(project: Project, snapshot: Artifact) -> list[SnapshotInput]:
    """Return what a snapshot was made from, by node; each feature table is followed by the state of its source.

    Raises
    ------
    ArtifactDamaged
    """
    wanted = [(node, NodeName.parse(node).kind, id) for node, id in sorted(snapshot.inputs.items())]
    inputs = [_input(project, *item) for item in wanted]
    for node, kind, id in wanted:
        if kind == "feature_table" and (table := _artifact(project, kind, id)) is not None:
            inputs.append(_input(project, f"{node}/source", "source", table.inputs["source"]))
    return inputs


def _artifact(project: Project, kind: str, id: str) -> Artifact | None:
    try:
        return project.store.get(kind, id)
    except ArtifactMissing:
        return None


def _input(project: Project, node: str, kind: str, id: str) -> SnapshotInput:
    artifact = _artifact(project, kind, id)
    if artifact is None:
        return SnapshotInput(node, kind, id, None)
    return SnapshotInput(node, kind, id, tuple(_of_source(artifact) if kind == "source" else _of_table(artifact)))


def _of_source(artifact: Artifact) -> Iterator[Partition]:
    for chunk in SourceManifest.of(artifact).chunks:
        yield Partition(chunk.name, chunk.rows, chunk.id, (artifact.objects[chunk.name].sha256,))


def _of_table(artifact: Artifact) -> Iterator[Partition]:
    for chunk in FeatureTableManifest.of(artifact).chunks:
        hashes = tuple(artifact.objects[name].sha256 for name in chunk.objects)
        yield Partition(chunk.name, chunk.rows, None, hashes)

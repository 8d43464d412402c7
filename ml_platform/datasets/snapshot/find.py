"""Finding snapshots: by the beginning of an id or by their model, and the facts in their list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ml_platform.core.errors import ArtifactDamaged, UnknownSnapshot
from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import Version, versions

KIND = "snapshot"
_SHORTEST, _WHOLE = 4, 64


@dataclass(frozen=True)
class Listed:
    """A snapshot in the list of them.

    Attributes
    ----------
    rows
        Rows by stretch; purged rows are in none.
    bytes, new_bytes
        Of its chunks, and of those that no snapshot before it in the list has.
    versions
        Those that were trained on it, such as ``late_parcel@3``.
    """

    id: str
    model: str
    as_of: str
    rows: dict[str, int]
    columns: int
    days: int
    bytes: int
    new_bytes: int
    versions: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it in JSON types."""
        return asdict(self) | {"versions": list(self.versions)}


def find_snapshot(project: Project, name: str) -> Artifact:
    """Return the snapshot that a name refers to.

    Parameters
    ----------
    name
        An id or the beginning of one, ``MODEL`` or ``MODEL@latest`` for the last one made, or ``MODEL@3`` for the one
        that version 3 was trained on.

    Raises
    ------
    UnknownSnapshot, ArtifactMissing, ArtifactDamaged
    """
    model, at, which = name.partition("@")
    if at or name in project.spec.models:
        return project.store.get(KIND, _of_model(project, name, model, which or "latest"))
    if len(name) == _WHOLE:
        return project.store.get(KIND, name)
    if len(name) < _SHORTEST:
        raise UnknownSnapshot(name, f"an id prefix needs at least {_SHORTEST} characters")
    matching = [id for id in project.store.ids(KIND) if id.startswith(name)]
    if not matching:
        raise UnknownSnapshot(name, "no id begins with it")
    if len(matching) > 1:
        raise UnknownSnapshot(name, f"{len(matching)} ids begin with it", (id[:16] for id in matching))
    return project.store.get(KIND, matching[0])


def _of_model(project: Project, name: str, model: str, which: str) -> str:
    if model not in project.spec.models:
        raise UnknownSnapshot(name, f"there is no model {model}", project.spec.models)
    if which == "latest":
        id = current_output(project.database, NodeName("snapshot", model))
        if id is None:
            raise UnknownSnapshot(name, f"none of {model} was made yet")
        return id
    numbered = {str(version.number): version.snapshot for version in versions(project, model)}
    if not numbered.get(which):
        raise UnknownSnapshot(name, f"{model} has no version {which}", numbered)
    return numbered[which]


def list_snapshots(project: Project, model: str | None = None) -> list[Listed]:
    """Return the snapshots of a project, or of one model, by model and as-of; damaged manifests are left out.

    Raises
    ------
    UnknownModel
        Where no snapshot is of the model, and the project does not declare it.
    """
    snapshots = sorted(
        _readable(project, model),
        key=lambda item: (SnapshotManifest.of(item).model, SnapshotManifest.of(item).as_of, item.id),
    )
    if model is not None and not snapshots:
        project.require_model(model)
    trained = [
        version
        for name in {SnapshotManifest.of(item).model for item in snapshots}
        for version in versions(project, name)
    ]
    seen: set[str] = set()
    return [_listed(item, trained, seen) for item in snapshots]


def _readable(project: Project, model: str | None) -> Iterator[Artifact]:
    for id in project.store.ids(KIND):
        try:
            artifact = project.store.get(KIND, id)
        except ArtifactDamaged:
            continue
        if model in (None, SnapshotManifest.of(artifact).model):
            yield artifact


def _listed(artifact: Artifact, trained: Sequence[Version], seen: set[str]) -> Listed:
    about, objects = SnapshotManifest.of(artifact), {stored.sha256: stored.size for stored in artifact.objects.values()}
    new = sum(size for sha256, size in objects.items() if sha256 not in seen)
    seen.update(objects)
    used = tuple(str(version) for version in trained if version.snapshot == artifact.id)
    total = sum(objects.values())
    return Listed(
        artifact.id, about.model, about.as_of, dict(about.rows), len(about.columns), about.days,
        total, new, used,
    )  # fmt: skip

"""The id of an artifact, worked out again from what it holds, for each kind whose id says all that it holds.

So a manifest that was changed with its own hash made anew is found, whatever else remembers it.
"""

from __future__ import annotations

import pyarrow as pa

from ml_platform.operations.planning.nodes import operations
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds import ArtifactKind, Mismatch, artifact_kind
from ml_platform.storage.manifest import Artifact, StoredObject
from ml_platform.storage.parquet import read_parquet


def mismatches(project: Project, artifact: Artifact) -> list[Mismatch]:
    """Return what in an artifact is not as its manifest and its id say.

    Raises
    ------
    PlatformError
        Where something that it holds cannot be read.
    """

    def read(stored: StoredObject) -> pa.Table:
        return read_parquet(project.store, stored)

    manifest: ArtifactKind = artifact_kind(artifact.kind).of(artifact)
    compared = [*operations()[artifact.kind].check(project, artifact)] if artifact.kind in operations() else []
    compared += list(manifest.contents(artifact.objects, read))
    id = manifest.id_of(artifact.inputs, artifact.objects)
    if id is not None:
        compared.append(Mismatch("its id", artifact.id, id))
    return [item for item in compared if item.expected != item.actual]

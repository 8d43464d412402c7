"""The id of an artifact, recomputed from its content, for each kind whose id covers all of its content.

This finds a manifest that was changed together with its hash, even if all other records of it were changed too.
"""

from __future__ import annotations

import pyarrow as pa

from ml_platform.operations.planning.nodes import operations
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds import ArtifactKind, Mismatch, artifact_kind
from ml_platform.storage.manifest import Artifact, StoredObject
from ml_platform.storage.parquet import read_parquet


def mismatches(project: Project, artifact: Artifact) -> list[Mismatch]:
    """Return where the content of an artifact differs from its manifest or its id.

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

"""The gate of online models: what a version would serve was recomputed, and agrees in every bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ml_platform.core.errors import ArtifactMissing, ParityNotProven
from ml_platform.declarations.node_name import NodeName
from ml_platform.storage.artifact_kinds.parity import ParityManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import past_outputs
from ml_platform.storage.versions import Version

if TYPE_CHECKING:
    from ml_platform.project import Project

_NAMED = 3
_LOOKED_AT = 500


def last_parity(project: Project, model: str) -> Artifact | None:
    """Return the last comparison of a model; None before the first, and where it was removed."""
    return next(_comparisons(project, model, 1), None)


def require_parity(project: Project, version: Version) -> None:
    """Refuse a version of an online model whose rows were not compared, or while anything differs.

    The last comparison of the model must agree, and the last one of this version, which is another one while a newer
    version is trained during a rollout.

    Raises
    ------
    ParityNotProven
        Naming the rows that differ, each with its column and both values.
    """
    model = version.model
    if project.spec.models[model].deployment.online is None:
        return
    last = last_parity(project, model)
    of_version = (
        made for made in _comparisons(project, model, _LOOKED_AT) if made.inputs["trained_model"] == version.id
    )
    of_candidate = next(of_version, None)
    if last is None or of_candidate is None:
        missing = f"what it would serve was not compared yet. Run ml-platform run, or materialize {model}/parity"
        raise ParityNotProven(model, str(version.number), [missing])
    for about in (ParityManifest.of(last), ParityManifest.of(of_candidate)):
        if about.differing:
            named = [item.text for item in about.differences[:_NAMED]]
            raise ParityNotProven(model, str(version.number), [about.text.rstrip("."), *named])


def _comparisons(project: Project, model: str, limit: int) -> Iterator[Artifact]:
    """Yield the comparisons of a model that are still stored, the last first."""
    for id in past_outputs(project.database, NodeName("parity", model), limit):
        try:
            yield project.store.get("parity", id)
        except ArtifactMissing:
            continue

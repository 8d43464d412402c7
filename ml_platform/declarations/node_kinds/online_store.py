"""The online store of a project: what its online models read when they answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.node_kinds.kind import NodeKind
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import Location, ProjectSpec
from ml_platform.declarations.resolve import feature_tables_of

SUBJECT = "online"
_DECIDE = ("population", "features", "joins", "value", "algorithm")


class OnlineStoreNode(NodeKind):
    """One node for the project, where some model answers requests."""

    name = "online_store"
    version = 1
    stage = "data"
    purpose = "What online models read when they answer"
    listed_elsewhere = True

    @classmethod
    def subjects(cls, spec: ProjectSpec) -> Iterable[str]:
        """Return one name, or none where no model is online."""
        return (SUBJECT,) if any(model.deployment.online for model in spec.models.values()) else ()

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return the feature tables that online models meet, and the sources that their populations read."""
        online = [model for model in spec.models.values() if model.deployment.online]
        tables = {NodeName("feature_table", name) for model in online for name in feature_tables_of(spec, model)}
        return sorted(tables | {NodeName("source", name) for model in online for name in model.population.sources})

    @classmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return what each online model reads; which columns that is follows from these keys."""
        online = [model for model in spec.models.values() if model.deployment.online]
        return {model.name: {key: deciding(getattr(model, key)) for key in _DECIDE} for model in online}

    @classmethod
    def about(cls, spec: ProjectSpec, subject: str) -> tuple[str, str]:
        """Return the project's owner, and which models read it."""
        online = sorted(model.name for model in spec.models.values() if model.deployment.online)
        return spec.file.owner, f"{cls.purpose}. Read by {', '.join(online)}."

    @classmethod
    def location(cls, spec: ProjectSpec, subject: str) -> Location:
        """Return the line of the first model that is online."""
        first = next(model.name for model in spec.models.values() if model.deployment.online)
        return spec.locations.get(f"models/{first}.deployment", Location(f"models/{first}.yaml"))

    @classmethod
    def group(cls, subject: str) -> str:
        """Return a group of its own."""
        return SUBJECT

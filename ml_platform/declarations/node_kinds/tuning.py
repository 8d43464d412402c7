"""The search for parameters of each model that declares one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ml_platform.declarations.node_kinds.kind import ModelNode
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec


class TuningNode(ModelNode):
    """The search for parameters of each model that declares one."""

    name = "tuning"
    version = 1
    stage = "make"
    purpose = "The trials of parameters, and the best of them"
    section = "tuning"
    consequence = "{} must be trained again"
    parts = ("task", "quantile", "transforms", "algorithm", "calibration", "value", "tuning")

    @classmethod
    def subjects(cls, spec: ProjectSpec) -> Iterable[str]:
        """Return the models that declare ``tuning``."""
        return [name for name, model in spec.models.items() if model.tuning is not None]

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return the snapshot."""
        return (NodeName("snapshot", subject),)

    @classmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return the keys of the model, and how many threads fit it; payoffs only where they score a trial."""
        part = {**super().deciding(spec, subject), "threads": spec.file.threads}
        value = part.pop("value")
        if part["tuning"]["score"] == "proper":
            return part
        return {**part, "value": {name: item for name, item in value.items() if name not in ("control", "taken")}}

    @classmethod
    def functions(cls, spec: ProjectSpec, subject: str) -> tuple[str, ...]:
        """Return the transforms, and the algorithm where it is code of the project."""
        model = spec.models[subject]
        return (*model.transforms, *((model.algorithm.name,) if ":" in model.algorithm.name else ()))

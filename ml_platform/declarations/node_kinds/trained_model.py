"""The predictor of each model, and its baselines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ml_platform.declarations.node_kinds.kind import ModelNode
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec


class TrainedModelNode(ModelNode):
    """The predictor of each model, and its baselines."""

    name = "trained_model"
    version = 3
    stage = "make"
    purpose = "The fitted model, and its baselines"
    section = "algorithm"
    consequence = "{} must be trained again"
    parts = (
        "task",
        "quantile",
        "transforms",
        "algorithm",
        "calibration",
        "baselines",
        "choose",
        "value",
        "tuning",
        "refit",
    )
    optional = ("choose", "tuning", "refit")
    """Parts that take part only where they are declared, so that the ids of other models stay."""

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return the snapshot, and the search for parameters where one is declared."""
        tuned = spec.models[subject].tuning is not None
        return (NodeName("snapshot", subject), *((NodeName("tuning", subject),) if tuned else ()))

    @classmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return the keys of the model, and how many threads fit it; a capacity only where it helps to choose."""
        part = {**super().deciding(spec, subject), "threads": spec.file.threads}
        unused = {"entities", "control", "taken"} | (set() if spec.models[subject].choose else {"capacity"})
        part["value"] = {name: value for name, value in part["value"].items() if name not in unused}
        return {name: value for name, value in part.items() if value is not None or name not in cls.optional}

    @classmethod
    def functions(cls, spec: ProjectSpec, subject: str) -> tuple[str, ...]:
        """Return the transforms, and the algorithms that are code of the project."""
        model = spec.models[subject]
        names = (algorithm.name for algorithm in (model.algorithm, *model.baselines))
        return (*model.transforms, *(name for name in names if ":" in name))

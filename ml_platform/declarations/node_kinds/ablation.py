"""The ablation of each model that declares one: trained without each source and each feature table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.node_kinds.kind import ModelNode
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.studied import studied_functions, studied_part
from ml_platform.declarations.types import Declaration


class AblationOptions(Declaration):
    """What a model is trained without."""

    features: bool = Field(False, description="Whether it is also trained without each feature alone.", examples=[True])


class AblationNode(ModelNode):
    """The ablation of each model that declares ``nodes: {ablation: {}}``."""

    name = "ablation"
    version = 1
    stage = "make"
    purpose = "The model without each source and feature table, and what it earned less"
    Options = AblationOptions

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return the snapshot, whose rows are fitted and judged."""
        return (NodeName("snapshot", subject),)

    @classmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return the options and the keys of the model that decide a fit and what a row earns."""
        return {**studied_part(spec, subject), "options": deciding(cls.options(spec, subject))}

    @classmethod
    def functions(cls, spec: ProjectSpec, subject: str) -> tuple[str, ...]:
        """Return the project's code that takes part in a fit."""
        return studied_functions(spec, subject)

"""The ablation of each model that declares one: trained without each source and each feature table."""

from __future__ import annotations

from pydantic import Field

from ml_platform.declarations.node_kinds.study import StudyNode
from ml_platform.declarations.types import Declaration


class AblationOptions(Declaration):
    """What a model is trained without."""

    features: bool = Field(False, description="Whether it is also trained without each feature alone.", examples=[True])


class AblationNode(StudyNode):
    """The ablation of each model that declares ``nodes: {ablation: {}}``."""

    name = "ablation"
    version = 1
    stage = "make"
    purpose = "The model without each source and feature table, and what it earned less"
    Options = AblationOptions

"""What the kinds of studies share: they read the newest snapshot, and follow from what decides a fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.node_kinds.kind import ModelNode
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.studied import studied_functions, studied_part


class StudyNode(ModelNode):
    """A kind of study, of each model that declares it under ``nodes``."""

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

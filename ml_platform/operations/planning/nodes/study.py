"""Studies of a model: what takes many trainings on the rows of one snapshot, as a node or on request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from ml_platform.declarations.node_kinds import ModelNode
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.planning.nodes.operation import CachedOperation
from ml_platform.project import Project
from ml_platform.registry.studied import study_key
from ml_platform.storage.artifact_kinds import ArtifactKind
from ml_platform.storage.manifest import Artifact

Progress = Callable[[str], object]
"""Takes what is trained next, in words."""


class StudyOperation(CachedOperation, ABC):
    """A study of a model: a node where the model declares it, and a command where a person asks for it.

    Attributes
    ----------
    node
        Its kind of node, which has options.
    manifest
        What it comes to.
    """

    node: ClassVar[type[ModelNode]]
    manifest: ClassVar[type[ArtifactKind]]

    @classmethod
    @abstractmethod
    def study(
        cls, project: Project, subject: str, snapshot: str, options: Any, progress: Progress = lambda text: None
    ) -> ArtifactKind:
        """Return what a study of a model comes to. Nothing is stored."""

    @classmethod
    def key(cls, project: Project, subject: str, inputs: Mapping[str, str], now: datetime) -> str:
        """Return the key of the study that a model declares."""
        options = cls.node.options(project.spec, subject)
        return study_key(cls.name, project, subject, inputs[NodeName("snapshot", subject)], options)

    @classmethod
    def make(cls, project: Project, subject: str, inputs: Mapping[str, str], now: datetime, key: str) -> Artifact:
        """Make the study that a model declares, and store what it comes to."""
        snapshot = inputs[NodeName("snapshot", subject)]
        manifest = cls.study(project, subject, snapshot, cls.node.options(project.spec, subject))
        return project.store.add(manifest, key, inputs={"snapshot": snapshot})

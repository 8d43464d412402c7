"""What a run would do about an ablation, and does."""

from __future__ import annotations

from ml_platform.declarations.node_kinds.ablation import AblationNode, AblationOptions
from ml_platform.operations.planning.nodes.study import Progress, StudyOperation
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.ablation import AblationManifest


class AblationOperation(StudyOperation):
    """An ablation: the model without each source and feature table, and what it earned less."""

    name = "ablation"
    node = AblationNode
    manifest = AblationManifest

    @classmethod
    def study(
        cls,
        project: Project,
        subject: str,
        snapshot: str,
        options: AblationOptions,
        progress: Progress = lambda text: None,
    ) -> AblationManifest:
        """Train the model without each part of its inputs, and return what that came to."""
        from ml_platform.registry.ablation.ablation import ablate_model

        return ablate_model(project, subject, snapshot, options, progress)

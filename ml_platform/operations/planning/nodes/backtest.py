"""What a run would do about a backtest, and does."""

from __future__ import annotations

from ml_platform.declarations.node_kinds.backtest import BacktestNode, BacktestOptions
from ml_platform.operations.planning.nodes.study import Progress, StudyOperation
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.backtest import BacktestManifest


class BacktestOperation(StudyOperation):
    """A backtest: the model trained at several past origins, and what it earned after each."""

    name = "backtest"
    node = BacktestNode
    manifest = BacktestManifest

    @classmethod
    def study(
        cls,
        project: Project,
        subject: str,
        snapshot: str,
        options: BacktestOptions,
        progress: Progress = lambda text: None,
    ) -> BacktestManifest:
        """Train the model at each origin, and return what that came to."""
        from ml_platform.registry.backtest.backtest import backtest_model

        return backtest_model(project, subject, snapshot, options, progress)

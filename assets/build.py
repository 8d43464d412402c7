"""All assets of a project: one builder for each kind of node."""

from collections.abc import Callable, Mapping, Sequence

import dagster as dg

from ml_platform.declarations.graph import Kind, Node
from ml_platform.project import Project
from ml_platform_dagster.assets.deployment import build_deployment
from ml_platform_dagster.assets.evaluation import build_evaluation
from ml_platform_dagster.assets.feature_table import build_feature_table_asset
from ml_platform_dagster.assets.monitoring import build_monitoring
from ml_platform_dagster.assets.predictions import build_predictions
from ml_platform_dagster.assets.snapshot import build_snapshot_asset
from ml_platform_dagster.assets.source import build_source
from ml_platform_dagster.assets.trained_model import build_trained_model

BUILDERS: Mapping[Kind, Callable[[Project, Node], dg.AssetsDefinition]] = {
    "source": build_source,
    "feature_table": build_feature_table_asset,
    "snapshot": build_snapshot_asset,
    "trained_model": build_trained_model,
    "evaluation": build_evaluation,
    "deployment": build_deployment,
    "predictions": build_predictions,
    "monitoring": build_monitoring,
}


def build_assets(project: Project, nodes: Sequence[Node]) -> list[dg.AssetsDefinition]:
    """Return the asset of every node."""
    return [BUILDERS[node.kind](project, node) for node in nodes]

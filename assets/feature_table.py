"""The asset of a feature table: values at the ticks where something changed."""

import dagster as dg

from ml_platform.features.table import build_feature_table
from ml_platform.graph import Node
from ml_platform.lineage import feature_lineage
from ml_platform.project import Project
from ml_platform_dagster.assets.declare import declared_asset
from ml_platform_dagster.assets.metadata import column_lineage, made_metadata
from ml_platform_dagster.assets.step import Step
from ml_platform_dagster.resources.project import ProjectParam


def build_feature_table_asset(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a feature table."""
    spec = project.spec.feature_tables[node.subject]
    lineage = column_lineage(feature_lineage(project.spec, spec))

    @declared_asset(project, node, kinds={"features", "duckdb"})
    def feature_table(context: dg.AssetExecutionContext, project: ProjectParam) -> dg.MaterializeResult[None]:
        step = Step.begin(context, project, node)
        made = build_feature_table(project, spec.name, step.inputs[f"sources/{spec.source}"], step.now)
        return step.result(made, made_metadata(made) | {"dagster/column_lineage": lineage})

    return feature_table

"""The asset of a node whose operation is cached, such as one of an installed package."""

import dagster as dg

from ml_platform.declarations.graph import Node
from ml_platform.operations.planning.nodes import CachedOperation
from ml_platform.project import Project
from ml_platform_dagster.assets.node_asset import declared_asset
from ml_platform_dagster.assets.step import Step
from ml_platform_dagster.assets.summary import summary
from ml_platform_dagster.resources.project import ProjectParam


def build_operation_node(project: Project, node: Node, operation: type[CachedOperation]) -> dg.AssetsDefinition:
    """Return the asset of a node: it asks the operation for its artifact."""

    @declared_asset(project, node, kinds={node.kind})
    def run_operation(context: dg.AssetExecutionContext, project: ProjectParam) -> dg.MaterializeResult[None]:
        step = Step.begin(context, project, node)
        made = operation.run(project, node.subject, step.inputs, step.now)
        figures = dict(operation.figures(made.artifact))
        rows = figures.get("dagster/row_count")
        words = [f"{rows:,} rows" if isinstance(rows, int) else node.kind.replace("_", " ")]
        what = "unchanged since the last run" if made.reused else "computed in this run"
        return step.result(made, summary(", ".join([*words, what])) | figures)

    return run_operation

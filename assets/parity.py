"""The asset of parity: served rows recomputed, with a check that blocks the deployment."""

import dagster as dg

from ml_platform.declarations.graph import Node
from ml_platform.operations.parity.check import PARITY, check_parity, parity_check
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.parity import ParityManifest
from ml_platform_dagster.assets.checks import check_specs, report_checks
from ml_platform_dagster.assets.metadata import Metadata, made_metadata, table
from ml_platform_dagster.assets.node_asset import declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.resources.project import ProjectParam


def build_parity(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's parity. What it finds it records, so that deployment launched alone stops too."""
    model = model_of(project, node)

    @declared_asset(project, node, kinds={"online"}, check_specs=check_specs(node, [PARITY]))
    def parity(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        made = check_parity(project, model.name, step.inputs, step.now)
        about = ParityManifest.of(made.artifact)
        for item in about.differences:
            step.context.log.error(item.text)
        checks = list(report_checks(step, [PARITY], [parity_check(about)]))
        yield step.result(made, made_metadata(made) | _metadata(about), checks, rows=about.row_count)

    return parity


def _metadata(about: ParityManifest) -> Metadata:
    return {
        "compared": about.text,
        "dagster/row_count": about.row_count,
        "requests_logged": about.logged,
        "requests_compared": about.requests,
        "store_rows_compared": about.drawn,
        "store_rows_without_history": about.without_history,
        "rows_differing": about.differing,
        "requests_late": about.late,
        "greatest_lag_seconds": max(about.greatest_lag.values(), default=0.0),
        "requests_erased": about.erased,
        "late_by_table": table(
            [
                {"table": name, "late": rows, "greatest lag in seconds": about.greatest_lag[name]}
                for name, rows in about.late_by_table.items()
            ]
        ),
        "differences": table([item.as_json() for item in about.differences]),
        "differing_by_column": table([{"column": name, "rows": rows} for name, rows in about.by_column.items()]),
    }


class ParityBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "parity"
    build = staticmethod(build_parity)

"""The asset of parity: served rows recomputed, with a check that blocks the deployment."""

from dataclasses import replace

import dagster as dg

from ml_platform.declarations.graph import Node
from ml_platform.operations.parity.check import PARITY, check_parity, parity_check
from ml_platform.project import Project
from ml_platform.sources.checks.results import ChecksFailed
from ml_platform.storage.artifact_kinds.parity import ParityManifest
from ml_platform_dagster.assets.check_texts import PARITY_TEXT
from ml_platform_dagster.assets.checks import check_specs, report_checks
from ml_platform_dagster.assets.metadata import Metadata, table
from ml_platform_dagster.assets.node_asset import declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.assets.summary import model_page, summary
from ml_platform_dagster.resources.project import ProjectParam


def build_parity(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's parity. What it finds it records, so that deployment launched alone stops too."""
    model = model_of(project, node)

    specs = check_specs(node, [PARITY], {PARITY: PARITY_TEXT})

    @declared_asset(project, node, kinds={"online", "report"}, check_specs=specs)
    def parity(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        made = check_parity(project, model.name, step.inputs, step.now)
        about = ParityManifest.of(made.artifact)
        for item in about.differences:
            step.context.log.error(item.text)
        check = parity_check(about)
        yield step.result(made, _metadata(about), list(report_checks(step, [PARITY], [check])), rows=about.row_count)
        if check.blocks:  # Dagster's own error would name the check alone
            raise ChecksFailed(node.name, [replace(check, failing_rows=())], _remedy(model.name))

    return parity


def _remedy(model: str) -> str:
    return f"Nothing is deployed until they agree. `ml-platform parity {model}` shows the first rows that differ."


def _metadata(about: ParityManifest) -> Metadata:
    return {
        **_summary(about),
        "compared": about.text,
        "dagster/row_count": about.row_count,
        "rows differing": about.differing,
        "requests compared": about.requests,
        "requests late": about.late,
        "greatest lag (s)": max(about.greatest_lag.values(), default=0.0),
        "requests erased": str(about.erased),
        "late by table": table(
            [
                {"table": name, "late": rows, "greatest lag (s)": about.greatest_lag[name]}
                for name, rows in about.late_by_table.items()
            ]
        ),
        "differences": table([item.as_json() for item in about.differences]),
        "differing by column": table([{"column": name, "rows": rows} for name, rows in about.by_column.items()]),
    }


def _summary(about: ParityManifest) -> Metadata:
    differs = f"{about.differing:,} of {about.row_count:,} rows differ: nothing is deployed until they agree"
    return summary(
        differs if about.differing else f"Every bit of {about.row_count:,} compared rows agrees",
        [about.text, *(f"{item.text}." for item in about.differences[:1])],
        [
            ("compared", "rows", "of"),
            ("requests", f"{about.requests:,}", f"{about.logged:,} logged"),
            ("online store", f"{about.drawn:,}", f"{about.without_history:,} without history"),
        ],
        links=[model_page(about.model)],
    )


class ParityBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "parity"
    build = staticmethod(build_parity)

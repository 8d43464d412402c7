"""The asset of an ablation: what each source and each feature table is worth to a model."""

from dataclasses import asdict

import dagster as dg

from ml_platform.declarations.graph import Node
from ml_platform.operations.planning.nodes.ablation import AblationOperation
from ml_platform.project import Project
from ml_platform.reporting.overview.ablation_lines import ablation_lines, ablation_sentences
from ml_platform.storage.artifact_kinds.ablation import AblationManifest
from ml_platform_dagster.assets.kinds import algorithm_label
from ml_platform_dagster.assets.metadata import Metadata, bullets, plotted, table
from ml_platform_dagster.assets.node_asset import declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.step import Step
from ml_platform_dagster.assets.summary import model_page, summary
from ml_platform_dagster.resources.project import ProjectParam


def build_ablation(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of the newest ablation of a model."""
    model = model_of(project, node)

    @declared_asset(project, node, kinds={algorithm_label(model.algorithm.name), "report"})
    def ablation(context: dg.AssetExecutionContext, project: ProjectParam) -> dg.MaterializeResult[None]:
        step = Step.begin(context, project, node)
        made = AblationOperation.run(project, model.name, step.inputs, step.now)
        return step.result(made, _metadata(step, AblationManifest.of(made.artifact)))

    return ablation


def _metadata(step: Step, about: AblationManifest) -> Metadata:
    first, *others = ablation_sentences(about)
    lines = list(ablation_lines(step.project, about))
    rows = [("input", f"worth a row ({about.currency})", "verdict")]
    rows += [(item.name, item.worth, item.verdict) for item in lines if item.kind == "source"]
    worths = {
        f"worth of {part.name} ({about.currency})": part.worth.figure
        for part in about.parts
        if part.worth is not None and part.kind == "source"
    }
    return {
        **summary(first.rstrip("."), others, rows, links=[model_page(about.model)]),
        **plotted({f"gain of a row ({about.currency})": about.gain.figure, **worths, "dagster/row_count": about.rows}),
        **{
            f"by {kind}": table([asdict(item) for item in lines if item.kind == kind])
            for kind in dict.fromkeys(item.kind for item in lines)
        },
        "notes": bullets(about.notes),
    }


class AblationBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "ablation"
    build = staticmethod(build_ablation)

"""The asset of a backtest: what a model earned after each past origin, and how often retraining pays."""

from dataclasses import asdict

import dagster as dg

from ml_platform.core.formatting import amount_text
from ml_platform.declarations.graph import Node
from ml_platform.operations.planning.nodes.backtest import BacktestOperation
from ml_platform.project import Project
from ml_platform.reporting.overview.backtest_lines import (
    age_lines,
    backtest_sentences,
    interval_ends,
    metric_names,
    origin_lines,
    schedule_lines,
)
from ml_platform.storage.artifact_kinds.backtest import BacktestManifest
from ml_platform_dagster.assets.kinds import algorithm_label
from ml_platform_dagster.assets.metadata import Metadata, bullets, plotted, table
from ml_platform_dagster.assets.node_asset import declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.step import Step
from ml_platform_dagster.assets.summary import model_page, summary
from ml_platform_dagster.resources.project import ProjectParam


def build_backtest(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of the newest backtest of a model."""
    model = model_of(project, node)

    @declared_asset(project, node, kinds={algorithm_label(model.algorithm.name), "report"})
    def backtest(context: dg.AssetExecutionContext, project: ProjectParam) -> dg.MaterializeResult[None]:
        step = Step.begin(context, project, node)
        made = BacktestOperation.run(project, model.name, step.inputs, step.now)
        return step.result(made, _metadata(BacktestManifest.of(made.artifact)))

    return backtest


def _metadata(about: BacktestManifest) -> Metadata:
    first, *others = backtest_sentences(about)
    schedules = [("retrained", f"more a week ({about.currency})", "interval")]
    schedules += [(item.schedule, item.more, item.interval) for item in schedule_lines(about)]
    names = metric_names(about)
    origins = [
        {
            "origin": item.origin,
            "gain": item.gain,
            "interval": item.interval,
            **{name: item.metrics[name] for name in names},
        }
        for item in origin_lines(about)
    ]
    return {
        **summary(first.rstrip("."), others[:2], schedules, links=[model_page(about.model)]),
        **plotted(
            {
                f"gain of a row ({about.currency})": about.gain.figure,
                f"more a week by retraining ({about.currency})": about.schedules[0].more.figure,
                "dagster/row_count": about.rows,
            }
        ),
        "more a week by retraining": f"{amount_text(about.schedules[0].more.figure, about.currency)}, "
        f"interval {interval_ends(about.schedules[0].more)}",
        "by origin": table(origins),
        "by age": table([asdict(item) for item in age_lines(about)]),
        "how stable": bullets(others[2:]),
        "notes": bullets(about.notes),
    }


class BacktestBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "backtest"
    build = staticmethod(build_backtest)

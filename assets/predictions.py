"""The asset of a model's predictions: the rows that production asks for, in daily partitions."""

from collections.abc import Sequence
from datetime import date, datetime

import dagster as dg

from ml_platform.declarations.graph import Node
from ml_platform.operations.alerts import send_alert
from ml_platform.operations.predictions.capacity_use import capacity_use
from ml_platform.operations.predictions.due import due_days, read_until
from ml_platform.operations.predictions.missed import missed_alert, missed_rows
from ml_platform.operations.predictions.score import Scored, days_id, score_days
from ml_platform.project import Project
from ml_platform_dagster.assets.metadata import Metadata, bullets, plotted
from ml_platform_dagster.assets.node_asset import declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.partitions import days_of, open_days
from ml_platform_dagster.assets.step import Step, closing
from ml_platform_dagster.assets.summary import model_page, summary
from ml_platform_dagster.resources.project import ProjectParam

_DAYS_SHOWN = 5


def build_predictions(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's predictions. One run may score many days; what is logged already stays."""
    model = model_of(project, node)

    @declared_asset(
        project,
        node,
        kinds={"batch", "parquet"},
        partitions_def=days_of(project),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def predictions(context: dg.AssetExecutionContext, project: ProjectParam) -> dg.MaterializeResult[None]:
        step = Step.begin(context, project, node)
        read = read_until(project, model.name, step.now)
        scored = score_days(project, model.name, step.inputs, _days(step), step.now)
        for one in scored:
            step.record(one.made.artifact.id, partition=one.day.isoformat(), at=read)
        alert = missed_alert(project, model.name, step.now)
        if alert is not None:
            send_alert(project, alert, step.now)
        id = days_id([one.made.artifact.id for one in scored])
        step.record(id)
        step.record_duration(reused=all(one.made.reused for one in scored))
        metadata = {
            **_summary(project, model.name, scored, step.now),
            **_metadata(scored),
            **_missed(project, model.name, step.now),
            **_capacity(project, model.name, step.now),
            "explain": _how_to_explain(step.project, model.name),
            **closing(project, step.now, id, reused=all(one.made.reused for one in scored)),
        }
        return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(id))

    return predictions


def _missed(project: Project, model: str, now: datetime) -> Metadata:
    """Return how many rows of the monitoring window got no prediction in time, and why."""
    missed = missed_rows(project, model, now)
    if missed is None:
        return {}
    return {
        **plotted({"share not predicted in time": missed.share}),
        "not predicted in time": ", ".join(missed.reasons) or "0",
        **({"no prediction, as declared": ", ".join(missed.as_declared)} if missed.as_declared else {}),
    }


def _capacity(project: Project, model: str, now: datetime) -> Metadata:
    """Return how many places of a limited action are taken on the newest day."""
    use = capacity_use(project, model, now)
    return {} if use is None else {**plotted({f"{use.action} a day": use.used}), "capacity": use.text}


def _how_to_explain(project: Project, model: str) -> dg.MarkdownMetadataValue:
    """Return the commands that list predictions and explain one."""
    listed = f"ml-platform predictions {model} {project.root}"
    return dg.MetadataValue.md(f"`{listed}` lists them, and `ml-platform explain ID {project.root}` explains one.")


def _days(step: Step) -> list[date]:
    """Return the days that the run names, else all that are due."""
    open_days(step.context.instance, step.project, step.now)
    if step.context.has_partition_key or step.context.has_partition_key_range:
        return [date.fromisoformat(day) for day in step.context.partition_keys]
    return list(due_days(step.project, step.node.subject, step.now))


def _summary(project: Project, model: str, scored: Sequence[Scored], now: datetime) -> Metadata:
    new, newest = sum(one.new_rows for one in scored), scored[-_DAYS_SHOWN:]
    days = f"for {scored[-1].day}" if len(scored) == 1 else f"for {len(scored)} days"
    facts = [] if not scored else [f"The newest day is {scored[-1].day}: {scored[-1].fact}."]
    use = capacity_use(project, model, now)
    facts += [f"{use.text}."] if use else []
    return summary(
        f"{new:,} new predictions {days}" if new else "No new predictions",
        facts,
        [("day", "rows", "new"), *((one.day, f"{one.rows:,}", f"{one.new_rows:,}") for one in reversed(newest))],
        links=[model_page(model)],
    )


def _metadata(scored: Sequence[Scored]) -> Metadata:
    return {
        "predictions": sum(one.rows for one in scored),
        "new rows": sum(one.new_rows for one in scored),
        "days": bullets(one.fact for one in scored),
    }


class PredictionsBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "predictions"
    build = staticmethod(build_predictions)

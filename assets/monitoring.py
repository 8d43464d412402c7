"""The asset of a model's monitoring: drift, realized value, the report, and a finding where there is one."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from ml_platform.core.formatting import capitalized, money_text
from ml_platform.declarations.graph import Node
from ml_platform.declarations.metric_names import headline_metric
from ml_platform.declarations.model import ModelSpec
from ml_platform.operations.alerts import send_alert
from ml_platform.operations.monitoring.drift_counts import count_verdicts
from ml_platform.operations.monitoring.monitor import monitor_model
from ml_platform.operations.monitoring.unlearned import unlearned_alerts
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.registry.evaluation.reasons import figure_words
from ml_platform.reporting.mlflow.outbox import track
from ml_platform.reporting.mlflow.records import monitoring_record
from ml_platform.reporting.overview.model_overview import model_overview
from ml_platform.reporting.overview.worth import realized_worth
from ml_platform.reporting.plots.pictures import drift
from ml_platform.reporting.plots.small_pictures import small_drift_pictures
from ml_platform.sources.checks.results import CheckResult
from ml_platform.storage.artifact_kinds.monitoring import ColumnFigures, MonitoringManifest, RealizedSums
from ml_platform.storage.manifest import Artifact
from ml_platform_dagster.assets.check_texts import drift_text
from ml_platform_dagster.assets.checks import check_result, check_specs
from ml_platform_dagster.assets.metadata import Metadata, money, money_with_interval, period_text, plotted, table
from ml_platform_dagster.assets.node_asset import declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.plots import draw_once, in_place, linked
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.assets.summary import model_page, summary
from ml_platform_dagster.assets.worth_picture import worth_picture
from ml_platform_dagster.resources.project import ProjectParam

DRIFT_CHECK = "drift"


def build_monitoring(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's monitoring. It records what it finds; the sensor only reads that."""
    model = model_of(project, node)

    specs = check_specs(node, [DRIFT_CHECK], {DRIFT_CHECK: drift_text(model)})

    @declared_asset(project, node, kinds={"evidently", "dashboard"}, check_specs=specs)
    def monitoring(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        made = monitor_model(project, model.name, step.inputs, step.now)
        step.record(made.artifact.id)  # the overview below reads it
        version = champion(project, model.name)
        about = MonitoringManifest.of(made.artifact)
        if version is not None and not made.reused:
            worth = realized_worth(about.realized, about.currency or "")
            track(project, monitoring_record(version, made.artifact, datetime.now(UTC), worth))
        for alert in unlearned_alerts(project, about):
            send_alert(project, alert, step.now)
        small = draw_once(project, MonitoringManifest, made.artifact, small_drift_pictures)
        metadata = _summary(step, model.name, made.artifact, small) | _metadata(project, model, made.artifact)
        checks = [check_result(node.name, drift_check(about), in_place(small))]
        yield step.result(made, metadata, checks, recorded=True)

    return monitoring


def drift_check(about: MonitoringManifest) -> CheckResult:
    """Return the verdict of monitoring as a check; drift is a warning and stops nothing."""
    drifted = [column.column for column in about.columns or () if column.drifted]
    summary = {"verdict": about.verdict, "reason": about.reason, "drifted columns": len(drifted)}
    if about.verdict != "drift":
        return CheckResult(DRIFT_CHECK, True, "warn", summary)
    return CheckResult(DRIFT_CHECK, False, "warn", {**summary, "problem": f"{about.reason}: {', '.join(drifted)}"})


def _summary(step: Step, model: str, monitoring: Artifact, small: Artifact) -> Metadata:
    project, overview = step.project, model_overview(step.project, model, step.now)
    worths = (("since deployment", overview.worth), ("newest window", overview.window_worth))
    rows = [(name, money_text(worth.gain), money_text(worth.expected)) for name, worth in worths if worth is not None]
    heading = (f"gain ({overview.unit})", "realized", "expected")
    urgent = [f"{capitalized(item.what)}." for item in overview.attention if item.urgent]
    reason = f"{MonitoringManifest.of(monitoring).reason}."
    return summary(
        f"{model}: {overview.health}",
        [overview.worth_text, *urgent, capitalized(reason)],
        [heading, *rows] if rows else (),
        [*worth_picture(project, model, overview.unit, monitoring), *in_place(small)],
        [model_page(model)],
    )


def _metadata(project: Project, model: ModelSpec, monitoring: Artifact) -> Metadata:
    about = MonitoringManifest.of(monitoring)
    large = draw_once(project, MonitoringManifest, monitoring, _large)
    return {
        "verdict": about.verdict,
        "reason": about.reason,
        **_realized(about),
        **_missed(about),
        **({"nulls that training had not": table([dict(nulls)])} if (nulls := about.unlearned_nulls) else {}),
        "drift by column": table([_row(column) for column in about.columns or ()]),
        "large pictures": dg.MetadataValue.md(linked(large)),
        **(_report(project.state, about.report) if about.report else {}),
        **_plotted(model, about),
        "version": str(about.version or "none"),
        "dagster/row_count": about.rows or 0,
        "finding": about.finding or "none",
    }


def _large(about: MonitoringManifest) -> dict[str, bytes]:
    return {"drift": drift(about.columns)} if about.columns else {}


def _plotted(model: ModelSpec, about: MonitoringManifest) -> dict[str, float | int]:
    """Return the figures whose course over time shows how the model performs."""
    unit = about.currency or ""
    window, since = realized_worth(about.realized, unit), realized_worth(about.realized_since, unit)
    counts = count_verdicts(column.verdict for column in about.columns or ())
    metric = headline_metric(model)
    return plotted(
        {
            "realized gain": window.gain if window else None,
            "expected gain": window.expected if window else None,
            "realized gain since deployment": since.gain if since else None,
            "expected gain since deployment": since.expected if since else None,
            f"{figure_words(metric)} (settled)": (about.metrics or {}).get(metric),
            "drifted columns": counts.drifted if counts.columns else None,
            "predictions in window": about.rows,
        }
    )


def _missed(about: MonitoringManifest) -> Metadata:
    excluded = {name: rows for name, rows in (about.missed.excluded if about.missed else {}).items() if rows}
    return {"without a prediction": table([excluded])} if excluded else {}


_APART = ("superseded", "late", "without_label", "without_payoff")


def _report(state: Path, place: str) -> Metadata:
    """Return where the drift report is: the page of the guarded web server, and the file in the state folder."""
    page = place.replace("reports", "/pages/sandboxed", 1)
    return {"report page": dg.MetadataValue.url(page), "report file": f"{place} in {state.name}"}


def _row(column: ColumnFigures) -> dict[str, Any]:
    return {
        "column": column.column,
        "verdict": column.verdict,
        "change": column.ratio,
        "what": column.what,
        "usual": column.expected,
        "now": column.mean,
        "limit of change": column.threshold,
        "smallest visible": column.smallest_visible,
        "moved": column.moved,
        "note": column.note,
    }


def _gain(sums: RealizedSums, currency: str) -> str:
    if sums.interval is None:
        return money(sums.uplift, None, None, currency)
    return money_with_interval(sums.uplift, sums.interval.low, sums.interval.high, sums.interval, currency)


def _realized(about: MonitoringManifest) -> Metadata:
    realized, since, currency = about.realized, about.realized_since, about.currency or ""
    if not (realized and since):
        return {}
    return {
        "realized value": money(realized.value, None, None, currency),
        "realized over doing nothing": _gain(realized, currency),
        "realized since deployment": _gain(since, currency),
        "batch runs": period_text(realized.start, realized.end),
        "settled": f"{realized.settled:,} predictions, {realized.waiting:,} more wait for their label",
        "not in the sum": table([{name.replace("_", " "): getattr(realized, name) for name in _APART}]),
        "labels of settled": table([dict(realized.label_states or {})]),
    }


class MonitoringBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "monitoring"
    build = staticmethod(build_monitoring)

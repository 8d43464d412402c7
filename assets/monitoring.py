"""The asset of a model's monitoring: drift, realized value, the report, and a finding where there is one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from ml_platform.declarations.graph import Node
from ml_platform.operations.alerts import send_alert
from ml_platform.operations.monitoring.monitor import monitor_model
from ml_platform.operations.monitoring.unlearned import unlearned_alerts
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.reporting.mlflow.outbox import track
from ml_platform.reporting.mlflow.records import monitoring_record
from ml_platform.reporting.plots.pictures import drift
from ml_platform.sources.checks.results import CheckResult
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform_dagster.assets.checks import check_result
from ml_platform_dagster.assets.metadata import Metadata, made_metadata, money, money_with_interval, table
from ml_platform_dagster.assets.node_asset import asset_key, declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.plots import draw_once, shown
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.resources.project import ProjectParam

DRIFT_CHECK = "drift"


def build_monitoring(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's monitoring. It records what it finds; the sensor only reads that."""
    model = model_of(project, node)

    def drift_pictures(about: MonitoringManifest) -> dict[str, bytes]:
        return {"drift": drift(about.columns)} if about.columns else {}

    check = dg.AssetCheckSpec(DRIFT_CHECK, asset=asset_key(node.name), blocking=False)

    @declared_asset(project, node, kinds={"evidently"}, check_specs=[check])
    def monitoring(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        made = monitor_model(project, model.name, step.inputs, step.now)
        version = champion(project, model.name)
        if version is not None and not made.reused:
            track(project, monitoring_record(version, made.artifact, datetime.now(UTC)))
        pictures = shown(project, draw_once(project, MonitoringManifest, made.artifact, drift_pictures))
        about = MonitoringManifest.of(made.artifact)
        for alert in unlearned_alerts(about):
            send_alert(project, alert, step.now)
        metadata = made_metadata(made) | _metadata(project, about) | pictures
        yield step.result(made, metadata, [check_result(node.name, drift_check(about))])

    return monitoring


def drift_check(about: MonitoringManifest) -> CheckResult:
    """Return the verdict of monitoring as a check; drift is a warning and stops nothing."""
    drifted = [column["column"] for column in about.columns or () if column["drifted"]]
    summary = {"verdict": about.verdict, "reason": about.reason}
    if about.verdict != "drift":
        return CheckResult(DRIFT_CHECK, True, "warn", summary)
    return CheckResult(DRIFT_CHECK, False, "warn", {**summary, "problem": f"{about.reason}: {', '.join(drifted)}"})


def _metadata(project: Project, about: MonitoringManifest) -> Metadata:
    return {
        "verdict": about.verdict,
        "reason": about.reason,
        "version": about.version or "none",
        "dagster/row_count": about.rows or 0,
        "finding": about.finding or "none",
        "drift_by_column": table([_row(column) for column in about.columns or ()]),
        **({"nulls_that_training_had_not": table([dict(nulls)])} if (nulls := about.unlearned_nulls) else {}),
        **_realized(about),
        **(_report(project.state / about.report, about.report) if about.report else {}),
    }


_APART = ("superseded", "late", "without_label", "without_payoff")


def _report(file: Path, place: str) -> Metadata:
    """Return where the drift report is, as a file and as a page that the guarded web server shows."""
    page = place.replace("reports", "/pages/sandboxed", 1)
    return {"report": dg.MetadataValue.path(str(file.resolve())), "report_page": dg.MetadataValue.url(page)}


def _row(column: Mapping[str, Any]) -> dict[str, Any]:
    names = ("column", "role", "verdict", "what", "expected", "mean", "threshold", "smallest_visible", "moved", "note")
    return {name: column[name] for name in names}


def _gain(gain: float, interval: Mapping[str, Any] | None, currency: str) -> str:
    if interval is None:
        return money(gain, None, None, currency)
    return money_with_interval(gain, interval["low"], interval["high"], interval, currency)


def _realized(about: MonitoringManifest) -> Metadata:
    realized, since, currency = about.realized, about.realized_since, about.currency or ""
    if not (realized and since):
        return {}
    gain = realized["value"] - realized["do_nothing"]
    return {
        "realized_value": money(realized["value"], None, None, currency),
        "realized_against_doing_nothing": _gain(gain, realized["interval"], currency),
        "realized_batch_runs": f"{realized['start']} to {realized['end']}",
        "realized_since_deployment": _gain(since["uplift"], since["interval"], currency),
        "settled_predictions": realized["settled"],
        "not_in_the_sum": table([{name: realized[name] for name in _APART}]),
        "labels_of_settled_predictions": table([dict(realized["label_states"])]),
        "waiting_for_their_label": realized["waiting"],
    }


class MonitoringBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "monitoring"
    build = staticmethod(build_monitoring)

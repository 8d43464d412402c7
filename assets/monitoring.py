"""The asset of a model's monitoring: drift, realised value, the report, and a finding where there is one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ml_platform.graph import Node
from ml_platform.mlflow_records import monitoring_record
from ml_platform.monitoring.monitor import monitor_model
from ml_platform.outbox import track
from ml_platform.project import Project
from ml_platform.registry import champion
from ml_platform.reports.pictures import drift
from ml_platform_dagster.assets.declare import declared_asset, model_of
from ml_platform_dagster.assets.metadata import Metadata, made_metadata, money, money_with_interval, table
from ml_platform_dagster.assets.pictures import draw_once, shown
from ml_platform_dagster.assets.step import Step
from ml_platform_dagster.resources.project import ProjectParam


def build_monitoring(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's monitoring. It records what it finds; the sensor only reads that."""
    model = model_of(project, node)

    def drift_pictures(about: Mapping[str, Any]) -> dict[str, bytes]:
        columns = {column["column"]: column["psi"] for column in about.get("columns", ())}
        return {"drift": drift(columns, model.monitoring.psi)} if columns else {}

    @declared_asset(project, node, kinds={"evidently"})
    def monitoring(context: dg.AssetExecutionContext, project: ProjectParam) -> dg.MaterializeResult[None]:
        step = Step.begin(context, project, node)
        made = monitor_model(project, model.name, step.inputs, step.now)
        version = champion(project, model.name)
        if version is not None and not made.reused:
            track(project, monitoring_record(version, made.artifact, datetime.now(UTC)))
        pictures = shown(project, draw_once(project, made.artifact, drift_pictures))
        return step.result(made, made_metadata(made) | _metadata(project, made.artifact.about) | pictures)

    return monitoring


def _metadata(project: Project, about: Mapping[str, Any]) -> Metadata:
    report = project.state / about["report"] if about.get("report") else None
    return {
        "verdict": about["verdict"],
        "reason": about["reason"],
        "version": about.get("version", "none"),
        "dagster/row_count": about.get("rows", 0),
        "finding": about.get("finding") or "none",
        "drift_by_column": table([_row(column) for column in about.get("columns", ())]),
        **_realised(about),
        **({"report": dg.MetadataValue.path(str(report.resolve()))} if report else {}),
    }


_APART = ("superseded", "late", "without_label", "without_payoff")


def _row(column: Mapping[str, Any]) -> dict[str, Any]:
    return {name: column[name] for name in ("column", "role", "psi", "noise", "drifted", "moved")}


def _gain(gain: float, interval: Mapping[str, Any] | None, currency: str) -> str:
    if interval is None:
        return money(gain, None, None, currency)
    return money_with_interval(gain, interval["low"], interval["high"], interval, currency)


def _realised(about: Mapping[str, Any]) -> Metadata:
    realised = about.get("realised")
    if not realised:
        return {}
    gain, since = realised["value"] - realised["do_nothing"], about["realised_since"]
    return {
        "realised_value": money(realised["value"], None, None, about["currency"]),
        "realised_against_doing_nothing": _gain(gain, realised["interval"], about["currency"]),
        "realised_batch_runs": f"{realised['start']} to {realised['end']}",
        "realised_since_deployment": _gain(since["uplift"], since["interval"], about["currency"]),
        "settled_predictions": realised["settled"],
        "not_in_the_sum": table([{name: realised[name] for name in _APART}]),
        "labels_of_settled_predictions": table([dict(realised["label_states"])]),
        "waiting_for_their_label": realised["waiting"],
    }

"""The asset of an evaluation: rivals on identical rows, with gates and release rule as blocking checks."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ml_platform.checks import CheckResult
from ml_platform.errors import ReleaseRefused
from ml_platform.evaluation.evaluate import evaluate_model
from ml_platform.graph import Node
from ml_platform.mlflow_records import evaluation_record
from ml_platform.outbox import track
from ml_platform.project import Project
from ml_platform.registry import champion_to_beat
from ml_platform.reports.pictures import evaluation_pictures
from ml_platform.spec.model import ModelSpec
from ml_platform.store.manifest import Artifact
from ml_platform.versions import version_of
from ml_platform_dagster.assets.checks import check_result, check_specs
from ml_platform_dagster.assets.declare import declared_asset, model_of
from ml_platform_dagster.assets.metadata import (
    Metadata,
    bullets,
    made_metadata,
    mlflow_url,
    money,
    money_with_interval,
    table,
)
from ml_platform_dagster.assets.pictures import draw_once, shown
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.resources.project import ProjectParam

RELEASE_RULE = "release_rule"


def build_evaluation(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's evaluation. One that is refused stops the deployment, and says by which figure."""
    model = model_of(project, node)

    @declared_asset(project, node, kinds={"money"}, check_specs=check_specs(node, release_checks(model)))
    def evaluation(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        trained = step.input("trained_model")
        rival = champion_to_beat(project, model.name, trained)
        made = evaluate_model(project, model.name, trained, step.input("snapshot"), rival)
        about = made.artifact.about
        pictures = draw_once(project, made.artifact, evaluation_pictures)
        version = version_of(project, model.name, trained)
        if version is not None and not made.reused:
            track(project, evaluation_record(version, made.artifact, datetime.now(UTC), pictures))
        told = mlflow_url(project, model.name, trained) | shown(project, pictures)
        checks = [check_result(node.name, result) for result in release_results(about)]
        yield step.result(made, made_metadata(made) | _metadata(made.artifact) | told, checks)
        if about["verdict"] == "refuse":
            raise ReleaseRefused(model.name, str(version.number if version else trained[:12]), about["reasons"])

    return evaluation


def release_checks(model: ModelSpec) -> tuple[str, ...]:
    """Return the names of the checks that a version must pass to be deployed: its gates and the release rule."""
    return (*(f"gate_{name}" for name in sorted(model.gates)), RELEASE_RULE)


def release_results(about: Mapping[str, Any]) -> list[CheckResult]:
    """Return the results of gates and release rule from what an evaluation says."""
    gates = [_gate_result(gate) for gate in about["gates"]]
    release = about["release"]
    summary = {"rule": release["rule"], "compared": release["compared"], "confidence": release["confidence"]}
    if not release["passed"]:
        summary["problem"] = "; ".join(about["reasons"])
    return [*gates, CheckResult(RELEASE_RULE, release["passed"], summary=summary)]


def _gate_result(gate: Mapping[str, Any]) -> CheckResult:
    summary = {"figure": gate["figure"], "limit": gate["limit"]}
    if not gate["passed"]:
        summary["problem"] = f"{gate['name']} is {gate['figure']}, the gate asks for {gate['limit']}"
    return CheckResult(f"gate_{gate['name']}", gate["passed"], summary=summary)


def _metadata(evaluation: Artifact) -> Metadata:
    about = evaluation.about
    figures, currency = about["figures"], about["currency"]
    ends = figures["value_vs_do_nothing_low"], figures["value_vs_do_nothing_high"]
    return {
        "verdict": about["verdict"],
        "reasons": bullets(about["reasons"]),
        "value_against_doing_nothing": money_with_interval(
            figures["value_vs_do_nothing"], *ends, about["contenders"][0]["interval"], currency
        ),
        "test_stretch": f"{about['from']} to {about['to']}",
        "dagster/row_count": about["rows"],
        "figures": dg.MetadataValue.json(figures),
        "contenders": table([_row(rival, currency) for rival in about["contenders"]]),
        "notes": bullets(about["notes"]),
    }


def _row(rival: Mapping[str, Any], currency: str) -> dict[str, Any]:
    figures = rival["figures"]
    gain, low, high = (figures[f"value_vs_do_nothing{end}"] for end in ("", "_low", "_high"))
    basis = rival.get("interval")
    ahead = (
        money(gain, None, None, currency) if basis is None else money_with_interval(gain, low, high, basis, currency)
    )
    shown = {name: figures[name] for name in ("auc", "brier", "pinball", "coverage", "rmse", "mae") if name in figures}
    return {"contender": rival["name"], "role": rival["role"], "against doing nothing": ahead, **shown}

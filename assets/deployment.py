"""The asset of a deployment: the version in charge, and how it came to be."""

import dagster as dg

from ml_platform.graph import Node
from ml_platform.mlflow_records import deployment_record
from ml_platform.outbox import track
from ml_platform.project import Project
from ml_platform.registry import champion_ref, deploy, version_of
from ml_platform.store.ledger import LedgerLine, ledger_lines
from ml_platform_dagster.assets.days import open_days
from ml_platform_dagster.assets.declare import declared_asset, model_of
from ml_platform_dagster.assets.metadata import Metadata, mlflow_url, table
from ml_platform_dagster.assets.step import Step
from ml_platform_dagster.resources.project import ProjectParam


def build_deployment(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's deployment. It verifies gates and release rule again itself."""
    model = model_of(project, node)

    @declared_asset(project, node, kinds={"champion"})
    def deployment(context: dg.AssetExecutionContext, project: ProjectParam) -> dg.MaterializeResult[None]:
        step = Step.begin(context, project, node)
        trained, evaluation = step.input("trained_model"), step.input("evaluation")
        line = deploy(project, model.name, trained, evaluation, f"dagster run {step.run}", step.now)
        open_days(context.instance, project, step.now)
        version = version_of(project, model.name, trained)
        if line is not None and version is not None:
            track(project, deployment_record(version, line.at, line.reason))
        step.record(trained)
        step.record_duration(reused=line is None)
        made = {"id": trained, "version": str(version), "made": "reused" if line is None else "now"}
        return dg.MaterializeResult(
            metadata=made | _metadata(project, model.name) | mlflow_url(project, model.name, trained),
            data_version=dg.DataVersion(trained),
        )

    return deployment


def _metadata(project: Project, model: str) -> Metadata:
    lines = ledger_lines(project.database, champion_ref(model))
    last = lines[-1]
    return {
        "who": last.actor,
        "when": last.at.isoformat(),
        "why": last.reason,
        "ledger": table([_row(line) for line in reversed(lines[-20:])]),
    }


def _row(line: LedgerLine) -> dict[str, object]:
    return {
        "when": line.at.isoformat(),
        "who": line.actor,
        "from": line.facts.get("from_version"),
        "to": line.facts.get("version"),
        "why": line.reason,
    }

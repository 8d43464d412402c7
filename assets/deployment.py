"""The asset of a deployment: the live version, what it earned, and how it was released."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import dagster as dg

from ml_platform.core.errors import ApprovalNeeded, ReleaseRefused
from ml_platform.core.formatting import capitalized, instant_text, money_text
from ml_platform.declarations.graph import Node
from ml_platform.operations.alerts import send_alert
from ml_platform.operations.versions.not_deployed import kept_alert, kept_text, measured_alert, someone_must_act
from ml_platform.operations.versions.pending import waiting_alert, waiting_version
from ml_platform.project import Project
from ml_platform.registry.champion import anchor, champion, champion_ref
from ml_platform.registry.deploy import deploy
from ml_platform.registry.evaluation.key import KIND as EVALUATION
from ml_platform.registry.evaluation.reasons import in_words, parts_of
from ml_platform.registry.measured_gates import last_measured
from ml_platform.registry.rollout import rollout_of
from ml_platform.reporting.mlflow.outbox import track
from ml_platform.reporting.mlflow.records import deployment_record
from ml_platform.reporting.overview.model_overview import ModelOverview, model_overview
from ml_platform.reporting.overview.version_history import VersionHistory
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.ledger.anchors import signature_of
from ml_platform.storage.ledger.lines import Head, LedgerLine, ledger_head, ledger_lines
from ml_platform.storage.versions import version_of
from ml_platform_dagster.assets.measured_checks import measured_results, measured_specs
from ml_platform_dagster.assets.metadata import Metadata, bullets, grouped, in_short, mlflow_url, plotted, table
from ml_platform_dagster.assets.node_asset import asset_key, declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.partitions import open_days
from ml_platform_dagster.assets.step import Step, closing
from ml_platform_dagster.assets.summary import model_page, summary
from ml_platform_dagster.assets.worth_picture import worth_picture
from ml_platform_dagster.resources.project import ProjectParam

TRAINED_MODEL = "trained_model"
LEDGER_LINE, LEDGER_HASH, LEDGER_SIGNATURE = "ledger line", "ledger hash", "ledger signature"
"""The metadata that notes the head of the ledger: `ml_platform_dagster.jobs.anchors` reads it."""


def build_deployment(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's deployment. It verifies the gates and the release rule itself.

    A version that is not deployed leaves the champion, which is the step's output; without a champion there is no
    output, and nothing follows.
    """
    model = model_of(project, node)

    specs = measured_specs(node, model)

    @declared_asset(project, node, kinds={"champion"}, output_required=False, check_specs=specs)
    def deployment(
        context: dg.AssetExecutionContext, project: ProjectParam
    ) -> Iterator[dg.AssetObservation | dg.AssetCheckResult | dg.MaterializeResult[None]]:
        step = Step.begin(context, project, node)
        trained, evaluation = step.input("trained_model"), step.input("evaluation")
        try:
            line = deploy(project, model.name, trained, evaluation, f"dagster run {step.run}", step.now)
        except ApprovalNeeded as waits:
            yield from measured_results(node, model, ())
            yield from _stays(step, model.name, _waits(step, model.name, waits))
            return
        except ReleaseRefused as refused:
            yield from measured_results(node, model, refused.measured)
            yield from _stays(step, model.name, _kept(step, evaluation, refused))
            return
        yield from measured_results(node, model, last_measured(project, model.name, trained))
        running = rollout_of(project, model.name)
        if running is not None and running.version.id == trained:
            yield from _stays(step, model.name, running.words)
            return
        if line is None:
            _alert_of_champion(step, evaluation)
        open_days(context.instance, project, step.now)
        step.record(trained)
        step.record_duration(reused=line is None)
        yield dg.MaterializeResult(
            metadata=deployed(project, model.name, trained, line), data_version=dg.DataVersion(trained)
        )

    return deployment


def deployed(project: Project, model: str, trained: str, line: LedgerLine | None, not_deployed: str = "") -> Metadata:
    """Record a deployment in MLflow, if there was one, and return what the UI shows of the live version.

    Parameters
    ----------
    not_deployed
        Why another version was not deployed.
    """
    version = version_of(project, model, trained)
    if line is not None and version is not None:
        track(project, deployment_record(version, line.at, line.reason))
    return _metadata(project, model, str(version), trained, changed=line is not None, not_deployed=not_deployed)


def _waits(step: Step, model: str, waits: ApprovalNeeded) -> str:
    """Alert once of a version that waits for approval, and return why it is not deployed."""
    waiting = waiting_version(step.project, model)
    if waiting is not None:
        send_alert(step.project, waiting_alert(step.project, waiting), step.now)
    return "; ".join(waits.reasons)


def _kept(step: Step, evaluation_id: str, refused: ReleaseRefused) -> str:
    """Alert once of a version that did not meet gates and release rule, and return why it is not deployed."""
    evaluation = step.project.store.get(EVALUATION, evaluation_id)
    if refused.measured:
        missed = [gate.name for gate in refused.measured if not gate.passed]
        send_alert(step.project, measured_alert(step.project, evaluation, refused.reasons, missed), step.now)
    if EvaluationManifest.of(evaluation).verdict == "deploy":  # what is against it is not in the evaluation
        return "; ".join(refused.reasons)
    send_alert(step.project, kept_alert(step.project, evaluation), step.now)
    return kept_text(step.project, evaluation)


def _alert_of_champion(step: Step, evaluation_id: str) -> None:
    """Alert once of a champion whose own evaluation on newer rows shows that someone must act."""
    evaluation = step.project.store.get(EVALUATION, evaluation_id)
    if someone_must_act(EvaluationManifest.of(evaluation)):
        send_alert(step.project, kept_alert(step.project, evaluation), step.now)


def _stays(step: Step, model: str, reason: str) -> Iterator[dg.AssetObservation | dg.MaterializeResult[None]]:
    """Keep the champion, and report why; without one, nothing follows."""
    project, current = step.project, champion(step.project, model)
    step.context.log.info(reason)
    if current is None:
        what, _, why = reason.partition(": ")
        metadata: Metadata = {
            **summary(capitalized(what), [f"{capitalized(why)}."] if why else [], links=[model_page(model)]),
            "not deployed": reason,
            "computed": "no, unchanged",
        }
        yield dg.AssetObservation(asset_key(step.node.name), metadata=metadata)
        return
    step.record(current.id)
    shown = _metadata(project, model, str(current), current.id, changed=False, not_deployed=reason)
    yield dg.MaterializeResult(metadata=shown, data_version=dg.DataVersion(current.id))


def _metadata(
    project: Project, model: str, version: str, trained: str, *, changed: bool, not_deployed: str = ""
) -> Metadata:
    now = project.clock.now()
    overview, made = model_overview(project, model, now), project.store.get(TRAINED_MODEL, trained)
    lines = ledger_lines(project.database, champion_ref(model))
    last, head = lines[-1], ledger_head(project.database)
    return {
        **_summary(overview, now, not_deployed, worth_picture(project, model, overview.unit, made)),
        "version": version,
        **({"not deployed": not_deployed} if not_deployed else {}),
        **mlflow_url(project, model, trained),
        "health": f"{overview.health}, as of {instant_text(now)}",
        "needs a person": bullets(item.what for item in overview.attention if item.urgent),
        "worth a look": bullets(item.what for item in overview.attention if not item.urgent),
        "next training": overview.next_runs.training_text,
        "live since": instant_text(last.at),
        "deployed by": last.actor,
        "why": bullets(map(in_words, overview.live.reasons if overview.live else parts_of(last.reason))),
        **plotted({"live version number": overview.live.number if overview.live else None}),
        "versions": bullets(map(_version, overview.versions)),
        "ledger": table([_row(line) for line in reversed(lines[-20:])]),
        "anchor": str(anchor(project, model)),
        **closing(project, now, trained, reused=not changed),
        **(anchor_metadata(project, head) if head else {}),
    }


def _summary(overview: ModelOverview, now: datetime, not_deployed: str, pictures: Sequence[str]) -> Metadata:
    live = overview.live
    health = f"Health as of {instant_text(now)}: {overview.health}; the model's page has it as of now."
    kept = f"{capitalized(in_short(not_deployed))}." if not_deployed else ""
    rows = [
        (item.number, item.outcome, money_text(item.tested.gain if item.tested else None)) for item in overview.versions
    ]
    heading = ("version", "outcome", f"gain in test ({overview.unit})")
    return summary(
        f"Version {live.number} is live since {live.since:%Y-%m-%d}" if live else "No version is live",
        [
            overview.worth_text,
            kept,
            health,
            *(f"{capitalized(item.what)}." for item in overview.attention if item.urgent),
        ],
        [heading, *rows],
        pictures,
        links=[model_page(overview.name)],
    )


def _version(item: VersionHistory) -> str:
    return f"{capitalized(item.text)} (trained on {item.trained_at:%Y-%m-%d})"


def anchor_metadata(project: Project, head: Head) -> Metadata:
    """Return what notes the ledger's head in the event log."""
    key = project.spec.file.audit.ledger_key
    signed = {LEDGER_SIGNATURE: grouped(signature_of(head, key))} if key else {}
    return {LEDGER_LINE: str(head.seq), LEDGER_HASH: grouped(head.hash), **signed}


def _row(line: LedgerLine) -> dict[str, object]:
    return {
        "when": line.at.isoformat(),
        "who": line.actor,
        "from": line.facts.get("from_version"),
        "to": line.facts.get("version"),
        "why": line.reason,
    }


class DeploymentBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "deployment"
    build = staticmethod(build_deployment)

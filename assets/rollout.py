"""The asset of a model's rollout: the candidate is judged, and moved on, promoted or removed."""

from collections.abc import Iterator

import dagster as dg

from ml_platform.core.formatting import capitalized, figure_text
from ml_platform.declarations.graph import Node
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.rollout.advance import advance_rollout
from ml_platform.operations.rollout.judge import Judged
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.registry.rollout import rollout_of, rollout_ref
from ml_platform.reporting.mlflow.outbox import track
from ml_platform.reporting.mlflow.records import deployment_record
from ml_platform.sources.checks.results import CheckResult
from ml_platform.storage.ledger.lines import ledger_lines
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import Version
from ml_platform_dagster.assets.check_texts import BLOCKS_NOT
from ml_platform_dagster.assets.checks import check_result, check_specs
from ml_platform_dagster.assets.deployment import deployed
from ml_platform_dagster.assets.metadata import Metadata, table
from ml_platform_dagster.assets.node_asset import asset_key, declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.step import Step, closing
from ml_platform_dagster.assets.summary import model_page, summary
from ml_platform_dagster.resources.project import ProjectParam

LIMITS, MONEY = "limits", "money"
_LATENCIES = {"latency (ms)": "latency_us", "champion's latency (ms)": "champion_latency_us"}
_REMOVED = "The candidate is removed; the champion stays."


def build_rollout(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's rollout. Its data version is the champion that the judgement leaves."""
    model = model_of(project, node)
    texts = {
        LIMITS: f"Latency and errors of the candidate are within the limits of its stage. {BLOCKS_NOT} {_REMOVED}",
        MONEY: f"The candidate does not earn less than the champion beyond doubt. {BLOCKS_NOT} {_REMOVED}",
    }
    checks = check_specs(node, list(texts), texts)

    @declared_asset(project, node, kinds={"rollout"}, check_specs=checks)
    def rollout(context: dg.AssetExecutionContext, project: ProjectParam) -> Iterator[dg.MaterializeResult[None]]:
        step = Step.begin(context, project, node)
        labels = current_output(project.database, NodeName("source", model.label.source))
        before = champion(project, model.name)
        judged = advance_rollout(project, model.name, labels, f"dagster run {step.run}", step.now)
        current = champion(project, model.name)
        if judged is not None and current is not None and current != before:
            track(project, deployment_record(current, step.now, judged.reason))
        id, unchanged = current.id if current else "none", judged is None
        step.record(id)
        step.record_duration(reused=unchanged)
        if judged is not None and current is not None and judged.outcome in ("promote", "end"):
            context.log_event(_deployment(project, current, judged))
        yield dg.MaterializeResult(
            metadata=_metadata(project, model.name, judged) | closing(project, step.now, id, reused=unchanged),
            data_version=dg.DataVersion(id),
            check_results=[check_result(node.name, result) for result in rollout_checks(judged)],
        )

    return rollout


def _deployment(project: Project, current: Version, judged: Judged) -> dg.AssetMaterialization:
    """Return what the page of the deployment shows from now on: it named a candidate in its stage."""
    candidate = f"version {judged.rollout.version.number}"
    ended = f"{candidate} was not deployed: its rollout was ended: {judged.reason}" if judged.outcome == "end" else ""
    shown = deployed(project, current.model, current.id, None, ended)
    return dg.AssetMaterialization(asset_key(NodeName("deployment", current.model)), metadata=shown)


def rollout_checks(judged: Judged | None) -> list[CheckResult]:
    """Return whether the candidate keeps its limits, and the result of the test of money; a failure stops no step."""
    if judged is None:
        return [CheckResult(name, True, "warn", {"rollout": "none"}) for name in (LIMITS, MONEY)]
    facts = _figures(judged)
    counted = ("rows", "errors", *_LATENCIES)
    earned = ("verdict", "pairs", "differ", "settled", "waiting for labels", "gain", "gain low", "gain high")
    outcomes = {LIMITS: (judged.kept_limits, counted), MONEY: (judged.money.verdict != "worse", earned)}
    return [
        CheckResult(
            name,
            passed,
            "warn",
            {key: facts[key] for key in keys if key in facts} | ({} if passed else {"problem": judged.reason}),
        )
        for name, (passed, keys) in outcomes.items()
    ]


def _metadata(project: Project, model: str, judged: Judged | None) -> Metadata:
    running = rollout_of(project, model)
    lines = ledger_lines(project.database, rollout_ref(model))
    moves = [
        {"when": line.at.isoformat(), "who": line.actor, "what": line.action, "why": line.reason}
        for line in reversed(lines[-20:])
    ]
    figures = {} if judged is None else _figures(judged)
    now = running.words if running else "Nothing is rolled out"
    return {**_summary(model, now, judged), "now": now, **figures, "ledger": table(moves)}


def _figures(judged: Judged) -> Metadata:
    """Return the figures as the UI shows them: rounded, with names that are words, and latencies in milliseconds."""
    facts = judged.facts()
    facts |= {name: _in_ms(facts.pop(key)) for name, key in _LATENCIES.items()}
    return {
        name.replace("_", " "): float(f"{value:.4g}") if isinstance(value, float) else value
        for name, value in facts.items()
        if value is not None
    }


def _in_ms(micros: float | None) -> float | None:
    return None if micros is None else float(f"{micros / 1000:.3g}")


def _summary(model: str, now: str, judged: Judged | None) -> Metadata:
    rows: list[tuple[str, ...]] = []
    if judged is not None:
        counted = (judged.candidate, judged.champion)
        rows = [
            ("", "candidate", "champion"),
            ("rows", *(f"{figures.rows:,}" for figures in counted)),
            ("errors", *(f"{figures.errors:,}" for figures in counted)),
            ("latency (ms)", *(figure_text(_in_ms(figures.latency())) for figures in counted)),
        ]
    reasons = [] if judged is None else [f"{capitalized(judged.reason)}."]
    return summary(now, reasons, rows, links=[model_page(model)])


class RolloutBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "rollout"
    build = staticmethod(build_rollout)

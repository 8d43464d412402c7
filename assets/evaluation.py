"""The asset of an evaluation: rivals on identical rows, with gates and release rule as checks.

No check blocks: a challenger that loses is a normal outcome, the run continues, and the champion serves. The deployment
verifies gates and rule itself. A missed gate, and a champion that earns no more than doing nothing, are errors (red):
someone must act. A challenger that loses is a warning.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ml_platform.core.errors import listed
from ml_platform.core.formatting import capitalized, figure_text, money_text
from ml_platform.declarations.gates import evaluated_gates
from ml_platform.declarations.graph import Node
from ml_platform.declarations.metric_names import headline_metric
from ml_platform.declarations.model import ModelSpec
from ml_platform.operations.versions.not_deployed import kept_headline
from ml_platform.project import Project
from ml_platform.registry.champion import champion, rivals_of
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.registry.evaluation.reasons import (
    figure_words,
    gate_text,
    limit_words,
    merits,
    plain_name,
    reasons_of,
    shortfalls,
)
from ml_platform.reporting.mlflow.outbox import track
from ml_platform.reporting.mlflow.records import evaluation_record
from ml_platform.reporting.overview.slice_lines import slice_lines
from ml_platform.reporting.overview.worth import tested_worth
from ml_platform.reporting.plots.pictures import evaluation_pictures
from ml_platform.reporting.plots.small_pictures import small_evaluation_pictures
from ml_platform.storage.artifact_kinds.evaluation import ContenderResult, EvaluationManifest, ReleaseResult
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.versions import version_of
from ml_platform_dagster.assets.check_texts import release_texts
from ml_platform_dagster.assets.checks import check_specs
from ml_platform_dagster.assets.metadata import (
    Metadata,
    bullets,
    in_short,
    literal,
    mlflow_url,
    money,
    money_with_interval,
    period_text,
    plotted,
    table,
)
from ml_platform_dagster.assets.node_asset import asset_key, declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.plots import draw_once, in_place, linked
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.assets.summary import model_page, summary
from ml_platform_dagster.resources.project import ProjectParam

RELEASE_RULE = "release_rule"


def build_evaluation(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's evaluation."""
    model = model_of(project, node)
    specs = check_specs(node, release_checks(model), release_texts(model), blocking=False)

    @declared_asset(project, node, kinds={"report"}, check_specs=specs)
    def evaluation(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        trained = step.input("trained_model")
        snapshot = step.input("snapshot")
        rivals = rivals_of(project, model.name, trained, snapshot)
        made = evaluate_model(project, model.name, trained, snapshot, rivals.champion, rivals.anchor)
        large = draw_once(project, EvaluationManifest, made.artifact, evaluation_pictures)
        version = version_of(project, model.name, trained)
        if version is not None and not made.reused:
            track(project, evaluation_record(version, made.artifact, datetime.now(UTC), large.objects))
        small = draw_once(project, EvaluationManifest, made.artifact, small_evaluation_pictures)
        metadata = {
            **evaluation_summary(project, model, made.artifact, small),
            **mlflow_url(project, model.name, trained),
            **_metadata(model, made.artifact),
            "large pictures": dg.MetadataValue.md(linked(large)),
        }
        checks = list(release_results(project, node, made.artifact, small))
        yield step.result(made, metadata, checks)

    return evaluation


def release_checks(model: ModelSpec) -> tuple[str, ...]:
    """Return the names of the checks that a version must pass to be deployed: its gates and the release rule."""
    return (*(f"gate_{name}" for name in sorted(evaluated_gates(model))), RELEASE_RULE)


def release_results(
    project: Project, node: Node, evaluation: Artifact, pictures: Artifact
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of gates and release rule from what an evaluation holds."""
    for gate in EvaluationManifest.of(evaluation).gates:
        yield dg.AssetCheckResult(
            asset_key=asset_key(node.name),
            check_name=f"gate_{gate.name}",
            passed=gate.passed,
            description=gate_text(gate),
            metadata={**plotted({figure_words(gate.name): gate.figure}), "required": limit_words(gate.limit)},
        )
    yield _rule_result(project, node, evaluation, pictures)


def _rule_result(project: Project, node: Node, evaluation: Artifact, pictures: Artifact) -> dg.AssetCheckResult:
    about = EvaluationManifest.of(evaluation)
    release, none = about.release, about.verdict == "deploy none"
    current = champion(project, about.model)
    challenger = version_of(project, about.model, evaluation.inputs["trained_model"])
    headline = "meets the release rule"
    if none or not release.passed:
        headline = kept_headline(about, current, challenger)
    reasons = shortfalls([], release, about.currency) or merits([], release, about.currency)
    return dg.AssetCheckResult(
        asset_key=asset_key(node.name),
        check_name=RELEASE_RULE,
        passed=release.passed and not none,
        severity=dg.AssetCheckSeverity.ERROR if none else dg.AssetCheckSeverity.WARN,
        description="\n\n".join([_with_reasons(headline, reasons), *in_place(pictures, ["gain"])]),
        metadata={"rule": figure_words(release.rule), "test days": release.days, **_sureness(release)},
    )


def _with_reasons(headline: str, reasons: Sequence[str]) -> str:
    if not reasons:
        return f"**{capitalized(headline)}**."
    return f"**{capitalized(headline)}**: \n\n" + "\n".join(f"- {literal(reason)}" for reason in reasons)


def _sureness(release: ReleaseResult) -> Metadata:
    """Return for each opponent how sure it is that the challenger is better, and how sure it must be, to be plotted."""
    shown = {}
    for line in release.compared:
        name = plain_name(line.other)
        if line.probability is not None:
            shown[f"{name}: sure"] = round(line.probability, 4)
        shown[f"{name}: needed"] = line.confidence
    return shown


def evaluation_summary(project: Project, model: ModelSpec, evaluation: Artifact, pictures: Artifact) -> Metadata:
    """Return the summary of an evaluation: what follows for the version, what it earned, and its rivals."""
    about = EvaluationManifest.of(evaluation)
    challenger = version_of(project, about.model, evaluation.inputs["trained_model"])
    number = challenger.number if challenger else "?"
    verdict = f"Version {number} meets its gates and the release rule"
    if about.verdict == "same":
        verdict = f"Version {number} is the live version"
    elif about.verdict != "deploy":
        kept = kept_headline(about, champion(project, about.model), challenger)
        verdict = f"{capitalized(kept)}: {in_short('; '.join(reasons_of(about)))}"
    worth, metric = tested_worth(about), headline_metric(model)
    rivals = [rival for rival in about.contenders if rival.role != "do_nothing"]
    return summary(
        verdict,
        ([f"On {about.days} test days version {number} {worth.text}."] if worth else []) + _losing(about),
        [("contender", f"gain ({about.currency})", metric), *(_line(rival, metric) for rival in rivals)],
        in_place(pictures, ["gain", "gain_by_day"]),
        [model_page(about.model)],
    )


def _losing(about: EvaluationManifest) -> list[str]:
    """Return which declared slices surely lose, or that none does."""
    lines = slice_lines(about)
    losing = [line.name for line in lines if line.verdict == "loses"]
    if not lines:
        return []
    return [f"It loses on {listed(losing, limit=3)}." if losing else f"None of {len(lines)} slices surely loses."]


def _line(rival: ContenderResult, metric: str) -> tuple[str, str, str]:
    figures = rival.figures
    return plain_name(rival.name), money_text(figures["value_vs_do_nothing"]), figure_text(figures.get(metric))


def _metadata(model: ModelSpec, evaluation: Artifact) -> Metadata:
    about = EvaluationManifest.of(evaluation)
    figures, currency = about.figures, about.currency
    ends = figures["value_vs_do_nothing_low"], figures["value_vs_do_nothing_high"]
    return {
        "decision": about.verdict,
        "gain over doing nothing": money_with_interval(
            figures["value_vs_do_nothing"] or 0.0, *ends, about.basis, currency
        ),
        **plotted(
            {
                f"gain ({currency})": figures["value_vs_do_nothing"],
                figure_words(headline_metric(model)): figures.get(headline_metric(model)),
                **_sureness(about.release),
            }
        ),
        "reasons": bullets(reasons_of(about)),
        "test period": period_text(about.start, about.end),
        "dagster/row_count": about.rows,
        "contenders": table([_row(rival, currency) for rival in about.contenders]),
        **({"slices": table([vars(line) for line in slice_lines(about)])} if about.slices else {}),
        "figures": table([{"figure": figure_words(name), "value": value} for name, value in figures.items()]),
        "notes": bullets(about.notes),
    }


def _row(rival: ContenderResult, currency: str) -> dict[str, Any]:
    figures = rival.figures
    gain, low, high = rival.gain, *(figures[f"value_vs_do_nothing_{end}"] for end in ("low", "high"))
    basis = rival.interval
    ahead = (
        money(gain, None, None, currency) if basis is None else money_with_interval(gain, low, high, basis, currency)
    )
    shown: dict[str, Any] = {
        name: figures[name] for name in ("auc", "brier", "pinball", "coverage", "rmse", "mae") if name in figures
    }
    return {"contender": plain_name(rival.name), **shown, "gain over doing nothing": ahead}


class EvaluationBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "evaluation"
    build = staticmethod(build_evaluation)

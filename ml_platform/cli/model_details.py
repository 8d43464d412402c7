"""One model in full, for a person: `ml-platform status MODEL`."""

from __future__ import annotations

import os
from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.text import Text

from ml_platform.cli.attention import HEALTH_COLORS, print_attention
from ml_platform.core.formatting import amount_text, instant_text, share_text
from ml_platform.core.terminal_table import Cell, PlainTable, fact_table, line
from ml_platform.core.terminal_text import styled
from ml_platform.declarations.metric_names import headline_metric
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.predictions.missed import Missed
from ml_platform.project import Project
from ml_platform.registry.evaluation.basis import basis_text
from ml_platform.registry.evaluation.reasons import conditions, gate_text, plain_name
from ml_platform.reporting.overview.model_overview import ModelOverview
from ml_platform.reporting.overview.slice_lines import slice_lines
from ml_platform.reporting.status import DataStatus, ModelStatus, ProjectStatus
from ml_platform.storage.artifact_kinds.evaluation import ContenderResult, EvaluationManifest
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import versions

_VERSIONS = 5
_VERDICTS = {
    "deploy": ("deployed", "green"),
    "keep": ("not deployed", "yellow"),
    "deploy none": ("not deployed (deploy none): the champion earns no more than doing nothing", "red"),
    "same": ("unchanged", "dim"),
}


def print_model(project: Project, status: ProjectStatus, item: ModelOverview, console: Console) -> None:
    """Print one model in full: what it is worth, what it needs, its versions, its last evaluation, what it serves."""
    console.print()
    console.print(styled("[bold]{}[/] at {} UTC", item.name, f"{status.now:%Y-%m-%d %H:%M}"))
    if item.description:
        console.print(line(item.description, "dim", indent=2, hang=0))
    console.print()
    console.print(fact_table(_facts(item), indent=2))
    if item.attention:
        console.print()
    print_attention([item], console)
    console.print()
    console.print(line("Versions", "bold"))
    for version in item.versions[:_VERSIONS]:
        console.print(line(version.text, indent=2))
    more = len(item.versions) - _VERSIONS
    if more > 0:
        console.print(line(f"and {more} older; --json has all of them", "dim", indent=2))
    if not item.versions:
        console.print(line("none is trained yet", indent=2))
    for part in _last_evaluation(project, item):
        console.print(part)


def _facts(item: ModelOverview) -> Iterator[tuple[str, Cell]]:
    """Yield what a person asks first, in this order: worth, health, what is next, what it predicted."""
    model = item.status
    yield "health", Text(item.health, HEALTH_COLORS[item.health])
    yield "live", f"{item.live_text} ({model.versions} trained)"
    if model.champion and model.champion.anchor not in (None, model.champion.version):
        yield "anchor", f"version {model.champion.anchor}"
    if model.champion and model.champion.refit:
        yield "refit", model.champion.refit
    yield "worth", " ".join([item.worth_text, *([item.worth.sureness_text] if item.worth else [])])
    if item.window_worth:
        yield "newest window", f"{item.window_worth.days_text}: {item.window_worth.text}"
    if item.worth and item.worth.apart:
        yield "not in the sum", item.worth.apart
    if item.simplest:
        yield "simplest", f"{item.simplest.text} {item.simplest.then}"
    if item.drift:
        yield "drift", item.drift.text
    if model.waiting is not None:
        name = f"{item.name}@{model.waiting}"
        yield "waiting", f'{name} (ml-platform approve {name} --reason "...")'
    if model.rollout:
        yield "rollout", Text(model.rollout, "yellow")
    yield "last training", item.last_training.training_text if item.last_training else "never"
    yield "next training", item.next_runs.training_text
    yield "next batch run", instant_text(item.next_runs.batch)
    yield from _served(model)
    yield "owner", item.owner


def _served(model: ModelStatus) -> Iterator[tuple[str, Cell]]:
    """Yield what a model predicted, and what is known of it."""
    newest = f", {model.last_day_predictions:,} of them on {model.last_day}" if model.last_day else ""
    yield "predictions", f"{model.predictions:,} logged{newest}" if model.predictions else "none yet"
    if model.capacity is not None:
        yield "capacity", model.capacity.text
    if model.missed is not None:
        yield from (("", text) for text in missed_texts(model.missed))
    if model.parity is not None:
        yield "parity", Text(model.parity.text, "red" if model.parity.differing else "")
    last = model.reproduced
    if last is not None:
        result = "the same" if last.same else f"not the same: {last.statement}"
        yield "retrained", Text(f"{last.version} on {last.at:%Y-%m-%d}: {result}", "" if last.same else "red")
    for node in model.nodes:
        yield node.name, _made(node)
    if model.monitoring and model.monitoring.report:
        whole = model.monitoring.report
        yield "report", min(os.path.relpath(whole), whole, key=len)  # a line that is broken cannot be copied


def missed_texts(missed: Missed) -> Iterator[Text]:
    """Yield how many rows of a monitoring window got no prediction in time and why, and which should get none."""
    days = f"({missed.start} to {missed.end})"
    if missed.reasons:
        rows = f"{share_text(missed.share)} of the rows got no prediction in time"
        yield Text(f"{rows} {days}: {', '.join(missed.reasons)}", "yellow")
    if missed.as_declared:
        yield Text(f"no prediction, as declared {days}: {', '.join(missed.as_declared)}")


def _made(node: DataStatus) -> str:
    if node.id is None:
        return "not made yet"
    return node.id[:12] if node.rows is None else f"{node.id[:12]}, {node.rows:,} rows"


def _evaluation(project: Project, model: str) -> EvaluationManifest | None:
    id = current_output(project.database, NodeName("evaluation", model))
    return EvaluationManifest.of(project.store.get("evaluation", id)) if id else None


def _last_evaluation(project: Project, item: ModelOverview) -> Iterator[RenderableType]:
    about = _evaluation(project, item.name)
    if about is None:
        return
    currency, metric = about.currency, headline_metric(project.spec.models[item.name])
    table = PlainTable("", metric, f"gain ({currency})", "95 % interval", right={1, 2}, whole={0}, indent=2)
    for contender in about.contenders:
        style = "bold" if contender.role == "challenger" else ""
        name = _contender_name(project, item.name, contender)
        table.add_row(name, *_contender_figures(contender, metric), style=style)
    basis = about.basis
    stretch = f"{about.rows:,} test rows, {basis_text(basis)}, {about.start[:10]} to {about.end[:10]}"
    yield Text()
    yield line(
        Text("Last evaluation", "bold").append(
            f"  gain over doing nothing, an assumed effect, on {stretch}", "not bold dim"
        )
    )
    if note := basis.declined or basis.note:
        yield line(note, "yellow", indent=2)
    if unit := project.spec.models[item.name].value.unit:
        yield line(f"no value is declared: amounts are {unit}, not money", "yellow", indent=2)
    yield table
    yield line(*_verdict(item, about), indent=2)
    yield from _judged_by(about, currency)
    yield from _slices(about)
    yield from (line(result.text, indent=2) for result in about.fairness or ())


def _verdict(item: ModelOverview, about: EvaluationManifest) -> tuple[str, str]:
    """Return what became of the evaluated version, and its color; an evaluation only recommends a deployment."""
    outcome = next((version.outcome for version in item.versions if version.id == about.contenders[0].id), None)
    if about.verdict == "deploy" and outcome not in (None, "live", "was live", "rolled back"):
        return f"meets its gates and the release rule: {outcome}", "yellow"
    return _VERDICTS[about.verdict]


def _contender_figures(item: ContenderResult, metric: str) -> tuple[str, str, Cell]:
    figures = item.figures
    if item.role == "do_nothing":
        return _number(figures.get(metric)), "0", ""
    low, high = (amount_text(figures.get(f"value_vs_do_nothing_{end}"), places=0) for end in ("low", "high"))
    shown = (item.interval.declined if item.interval else None) or f"{low} to {high}"
    return _number(figures.get(metric)), amount_text(figures.get("value_vs_do_nothing"), places=0), Text(shown, "dim")


def _judged_by(about: EvaluationManifest, currency: str) -> Iterator[RenderableType]:
    for gate in about.gates:
        yield _judged(gate.passed, gate_text(gate))
    for met, text in conditions(about.release, currency):
        yield _judged(met, text)


def _slices(about: EvaluationManifest) -> Iterator[RenderableType]:
    lines = slice_lines(about)
    if lines:
        table = PlainTable(
            "slice", "rows", "gain", "of all slices together", "verdict", right={1, 2}, whole={0}, indent=2
        )
        for item in lines:
            style = "red" if item.verdict == "loses" else ""
            table.add_row(item.name, f"{item.rows:,}", item.gain, item.interval, item.verdict, style=style)
        yield table


def _judged(passed: bool, text: str) -> RenderableType:
    return line(Text("✓ " if passed else "✗ ", "green" if passed else "red").append(text, "default"), indent=4)


def _contender_name(project: Project, model: str, item: ContenderResult) -> str:
    numbers = {version.id: version.number for version in versions(project, model)}
    number = numbers.get(item.id or "") if item.role in ("challenger", "champion", "anchor") else None
    name = plain_name(item.name)
    return f"version {number} ({item.role})" if number else name


def _number(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.3f}"

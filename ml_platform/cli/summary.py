"""What a project came to, for a person: data, versions beside their baselines, money, drift, and where to look."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ml_platform.core.formatting import amount_text
from ml_platform.core.hashing import format_instant
from ml_platform.core.terminal_text import SafeConsole, plain_table, styled
from ml_platform.declarations.metric_names import headline_metric
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.monitoring.unlearned import unlearned_text
from ml_platform.operations.predictions.missed import Missed
from ml_platform.project import Project
from ml_platform.registry.evaluation.basis import basis_text, interval_text
from ml_platform.registry.evaluation.reasons import conditions, gate_text
from ml_platform.reporting.status import DataStatus, ModelStatus, MonitoringStatus, ProjectStatus, project_status
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import versions

_FILE_WIDTH = 150
_VERDICTS = {
    "deploy": ("deployed", "green"),
    "keep": ("not deployed", "yellow"),
    "deploy none": ("not deployed (deploy none): the champion earns no more than doing nothing", "red"),
    "same": ("unchanged", "dim"),
}

_APART = {
    "superseded": "predicted again",
    "late": "scored late",
    "without_label": "without a label",
    "without_payoff": "with a null in the payoff",
}


def wide_console() -> Console:
    """Return a console on stdout that is wide enough for tables where stdout is a file."""
    console = SafeConsole()
    return console if console.is_terminal else SafeConsole(width=_FILE_WIDTH)


def print_summary(project: Project, console: Console) -> None:
    """Print the status with what to do next."""
    print_status(project, console)
    where = shlex.quote(str(project.root))
    console.print(styled("[bold]Next[/]"))
    for command, what in (
        (f"ml-platform up {where}", "the whole graph in the Dagster UI, the runs in MLflow"),
        (f"ml-platform advance 1d {where} --run", "simulate the next day"),
        (f"ml-platform predictions {next(iter(project.spec.models), 'MODEL')} {where}", "list predictions"),
    ):
        console.print(styled("  {}  [dim]{}[/]", command, what), soft_wrap=True)


def print_status(project: Project, console: Console) -> None:
    """Print how a project stands: data, then each model."""
    status = project_status(project, project.clock.now())
    console.print(styled("\n[bold]{}[/] at {} UTC\n", status.project, f"{status.now:%Y-%m-%d %H:%M}"))
    if status.clock:
        console.print(Text(f"clock: {status.clock}", style="yellow"))
    console.print(_data(project, status))
    for item in status.sources:
        for note in item.notes:
            console.print(Text(f"  {item.name}: {note}", style="yellow"))
    for model in status.models:
        console.print(_model(project, status, model))
    if status.online_store is not None:
        color = "yellow" if status.online_store.is_late else ""
        console.print(Text(f"online store: {status.online_store.text}", style=color))
    if status.mlflow_waiting:
        waiting = f"{status.mlflow_waiting} records for MLflow at {project.mlflow_address} wait to be delivered."
        console.print(Text(waiting, style="yellow"))
    for alert in status.alerts[:3]:
        console.print(Text(f"alert  {alert.get('title', '')}", style="yellow"))


def _data(project: Project, status: ProjectStatus) -> RenderableType:
    table = plain_table("data", "rows", "features", "newest", "", right={1, 2})
    for item in status.sources:
        table.add_row(*_data_row(item, "", status.now))
    for item in status.feature_tables:
        columns = len(project.spec.feature_tables[item.name].columns)
        table.add_row(*_data_row(item, str(columns), status.now))
    return Padding(table, (0, 0, 1, 2))


def _data_row(item: DataStatus, columns: str, now: datetime) -> tuple[str, ...]:
    if item.id is None:
        return item.name, "", "", "", "not made yet"
    bad = f"failed {', '.join(item.failed_checks)}" if item.failed_checks else ""
    newest = min(item.newest or "", format_instant(now))[:16].replace("T", " ")
    return item.name, f"{item.rows or 0:,}", columns, newest, bad


def _model(project: Project, status: ProjectStatus, model: ModelStatus) -> RenderableType:
    parts: list[RenderableType] = [Text(model.name, style="bold")]
    unit = project.spec.unit_of_value(model.name)
    evaluation = _evaluation(project, model.name)
    if evaluation is not None:
        parts += _evaluated(project, model, evaluation, unit)
    parts += [
        _champion(model, unit),
        *_waiting(model),
        *([Text(f"  rollout: {model.rollout}", style="yellow")] if model.rollout else []),
        _predictions(model),
        *_monitoring(model, unit),
        *_parity(model),
    ]
    parts += _reproduced(model)
    parts += [Text(f"  {node.name}: {_made(node)}") for node in model.nodes]
    return Padding(Group(*parts), (0, 0, 1, 0))


def _parity(model: ModelStatus) -> Iterator[RenderableType]:
    if model.parity is not None:
        yield Text(f"  parity: {model.parity.text}", style="red" if model.parity.differing else "")


def _made(node: DataStatus) -> str:
    if node.id is None:
        return "not made yet"
    return node.id[:12] if node.rows is None else f"{node.id[:12]}, {node.rows:,} rows"


def _evaluation(project: Project, model: str) -> EvaluationManifest | None:
    id = current_output(project.database, NodeName("evaluation", model))
    return EvaluationManifest.of(project.store.get("evaluation", id)) if id else None


def _evaluated(
    project: Project, model: ModelStatus, about: EvaluationManifest, currency: str
) -> Sequence[RenderableType]:
    metric = headline_metric(project.spec.models[model.name])
    table = plain_table("", metric, f"gain over doing nothing ({currency})", "", right={1, 2})
    for item in about.contenders:
        style = "bold" if item["role"] == "challenger" else ""
        table.add_row(_contender_name(project, model, item), *_contender_figures(item, metric), style=style)
    basis = about.contenders[0]["interval"]
    stretch = f"tested on {about.rows:,} rows, {basis_text(basis)}, {about.start[:10]} to {about.end[:10]}"
    note = basis["declined"] or basis["note"]
    unit = project.spec.models[model.name].value.unit
    word, color = _VERDICTS[about.verdict] if model.waiting is None else ("passes", "green")
    lines: list[RenderableType] = [
        Text(f"  {stretch}", style="dim"),
        *([Text(f"  {note}", style="yellow")] if note else []),
        *([Text(f"  no value is declared: amounts are {unit}, not money", style="yellow")] if unit else []),
        Padding(table, (0, 0, 0, 2)),
        Text(f"  {word}", style=color),
    ]
    return [*lines, *_judged_by(about, currency)]


def _contender_figures(item: Mapping[str, Any], metric: str) -> tuple[str, str, RenderableType]:
    figures = item["figures"]
    if item["role"] == "do_nothing":
        return _number(figures.get(metric)), "0", ""
    low, high = (amount_text(figures.get(f"value_vs_do_nothing_{end}"), places=0) for end in ("low", "high"))
    shown = item["interval"]["declined"] or f"{low} to {high}"
    return _number(figures.get(metric)), amount_text(figures.get("value_vs_do_nothing"), places=0), Text(shown, "dim")


def _judged_by(about: EvaluationManifest, currency: str) -> Iterator[RenderableType]:
    for gate in about.gates:
        yield _judged(gate["passed"], gate_text(gate))
    for met, text in conditions(about.release, currency):
        yield _judged(met, text)


def _judged(passed: bool, text: str) -> RenderableType:
    return Text("    ✓ " if passed else "    ✗ ", style="green" if passed else "red").append(text, "default")


def _plain_name(name: str) -> str:
    return name.removeprefix("baseline/").replace("_", " ")


def _contender_name(project: Project, model: ModelStatus, item: Mapping[str, Any]) -> str:
    numbers = {version.id: version.number for version in versions(project, model.name)}
    number = numbers.get(item["id"]) if item["role"] in ("challenger", "champion", "anchor") else None
    name = _plain_name(str(item["name"]))
    return f"version {number} ({item['role']})" if number else name


def _champion(model: ModelStatus, currency: str) -> RenderableType:
    if model.champion is None:
        return Text("  champion: none", style="yellow")
    since = f"{model.champion.since:%Y-%m-%d %H:%M}"
    text = f"  champion: version {model.champion.version} since {since} ({model.versions} trained)"
    if model.champion.anchor not in (None, model.champion.version):
        text += f"; anchor: version {model.champion.anchor}"
    return Text(text)


def _waiting(model: ModelStatus) -> Sequence[RenderableType]:
    if model.waiting is None:
        return []
    name = f"{model.name}@{model.waiting}"
    return [Text(f'  waits for approval: {name} (ml-platform approve {name} --reason "...")', style="yellow")]


def _predictions(model: ModelStatus) -> RenderableType:
    if not model.predictions:
        text = "  predictions: none yet"
    else:
        text = (
            f"  predictions: {model.predictions:,} logged, {model.last_day_predictions:,} of them on {model.last_day}"
        )
    missed = model.missed
    if missed is None or not missed.reasons:
        return Text(text)
    return Text(f"{text}\n  {missed_text(missed)}", style="yellow")


def missed_text(missed: Missed) -> str:
    """Return how many rows of a monitoring window got no prediction in time, and why."""
    rows = f"{missed.share:.1%} of the rows got no prediction in time"
    return f"{rows} ({missed.start} to {missed.end}): {', '.join(missed.reasons)}"


def _monitoring(model: ModelStatus, currency: str) -> Sequence[RenderableType]:
    seen = model.monitoring
    if seen is None:
        return []
    lines: list[RenderableType] = []
    for realized, told in _sums(seen):
        lines.append(Text(f"  {_realized(realized, currency)}{told}"))
    drifted = f": {', '.join(seen.drifted[:3])}" if seen.drifted else ""
    verdict = seen.reason if seen.verdict == "drift" else f"{seen.verdict}, {seen.reason}"
    lines.append(Text(f"  drift: {verdict}{drifted}", style="yellow" if seen.drifted else ""))
    if seen.unlearned_nulls:
        lines.append(Text(f"  {unlearned_text(seen.unlearned_nulls)}", style="yellow"))
    if seen.report:
        lines.append(Text(f"  report: {seen.report}", style="dim", overflow="fold"))
    return lines


def _sums(seen: MonitoringStatus) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield the sum of the newest window and that since deployment; one of them where both are of the same rows."""
    newest, since = seen.realized, seen.realized_since
    if newest and newest.get("settled") and not (since and since.get("settled") == newest["settled"]):
        yield newest, ""
    if since and since.get("settled"):
        yield since, ", since deployment"


def _realized(realized: Mapping[str, Any], currency: str) -> str:
    """Return what settled predictions earned, over which batch runs, and which of them are not in the sum."""
    rows, gain, nothing = (realized[name] for name in ("rows", "uplift", "do_nothing"))
    text = f"realized gain: {amount_text(gain, places=0)} {currency} over doing nothing, {rows:,} predictions"
    interval = realized.get("interval")
    if interval:
        text += f", {interval_text(interval['low'], interval['high'], interval)}"
    if realized.get("expected") is not None:
        text += f" (expected {amount_text(realized['expected'] - nothing, places=0)})"
    apart = [f"{realized[name]:,} {what}" for name, what in _APART.items() if realized[name]]
    runs = f"batch runs {_minute(realized['start'])} to {_minute(realized['end'])}"
    return f"{text}, {runs}{'; not in the sum: ' + ', '.join(apart) if apart else ''}"


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")


def _reproduced(model: ModelStatus) -> Sequence[RenderableType]:
    last = model.reproduced
    if last is None:
        return []
    result = "the same" if last.same else f"not the same: {last.statement}"
    return [Text(f"  retrained on {last.at:%Y-%m-%d}: {last.version}, {result}", style="" if last.same else "red")]


def _number(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.3f}"

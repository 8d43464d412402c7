"""An explanation as a page of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ml_platform.audit.explain.contributions import Contributions
from ml_platform.audit.explain.explanation import REQUEST, ExplainedInput, Explanation, Through
from ml_platform.audit.explain.source_rows_types import SourceRow
from ml_platform.audit.explain.wording import (
    agreement,
    amount,
    champions_text,
    commit_text,
    deployed_text,
    inputs_again,
    largest,
    rows_text,
    scale_of,
    settled_text,
    shown,
    window_text,
)
from ml_platform.core.formatting import cents_text, instant_text
from ml_platform.core.terminal_text import fact_table, plain_table

_BAR = 24
_STORIES = 3
_BLOCKS = " ▏▎▍▌▋▊▉█"


def print_explanation(explanation: Explanation, console: Console) -> None:
    """Print one explanation."""
    for part in _parts(explanation):
        console.print(part, highlight=False)


def _parts(told: Explanation) -> Iterator[RenderableType]:
    yield Text(f"\n{told.prediction_id}", style="bold")
    if told.description:
        yield Text(told.description, style="dim")
    yield from _asked(told)
    yield from _answered(told)
    if told.what_if:
        yield from _supposed(told)
    if told.told:
        yield from _why(told.told, _units(told.inputs), "Why")
    yield from _stories(told)
    yield from _inputs(told.inputs, told.through, told.asked_by)
    yield from _version(told)
    yield from _again(told)
    for problem in told.problems:
        yield Text(f"! {problem}", style="yellow")


def _heading(text: str, beside: str = "") -> Text:
    return Text(f"\n{text}", style="bold").append(f"  {beside}" if beside else "", "not bold dim")


def _facts(rows: Sequence[tuple[str, str]]) -> RenderableType:
    return Padding(fact_table((name, Text(value)) for name, value in rows), (0, 0, 0, 2))


def _asked(told: Explanation) -> Iterator[RenderableType]:
    key = ", ".join(f"{name} {shown(value)}" for name, value in told.key.items())
    yield _heading("Entity", key)
    moment = told.asked_by if told.asked_by == REQUEST else "the batch run"
    rows = [
        ("prediction time", instant_text(told.prediction_time)),
        ("from data known at", f"{instant_text(told.effective_time)}, {moment}"),
        ("scored", instant_text(told.scored_at)),
    ]
    if told.population is not None:
        own = ", ".join(f"{name} {shown(value)}" for name, value in told.population.values.items())
        rows.append((told.asked_by, own))
    yield _facts(rows)


def _answered(told: Explanation) -> Iterator[RenderableType]:
    answer = told.answer
    scores = ", ".join(f"{name} {shown(value)}".removeprefix("score ") for name, value in answer.scores.items())
    yield _heading("Prediction", f"by {told.version}")
    rows = [("score", scores)]
    if answer.predicted is not None:
        rows.append(("predicted", answer.predicted))
    if answer.action is not None:
        rows.append(
            (
                "recommended",
                f"{answer.action}, expected {cents_text(answer.expected_value, answer.currency)}",
            )
        )
    rows += [
        ("not recommended", f"{action.name}, {cents_text(action.expected, answer.currency)}")
        for action in answer.actions
        if not action.recommended
    ]
    yield _facts([*rows, ("action taken", answer.taken), ("outcome", settled_text(told))])


def _supposed(told: Explanation) -> Iterator[RenderableType]:
    what_if, answer = told.what_if, told.answer
    assert what_if is not None
    yield Text("\nWHAT IF", style="bold magenta").append("  hypothetical; nothing was logged", "not bold dim")
    table = plain_table("", "logged", "what if")
    for change in what_if.changes:
        table.add_row(change.name, shown(change.before), Text(shown(change.after), "magenta"))
    for output in told.outputs:
        after = what_if.outputs[output.name]
        style = "bold" if after != output.logged else ""
        table.add_row(output.name, shown(output.logged), Text(shown(after), style))
    for action in answer.actions:
        after = what_if.actions.get(action.name)
        table.add_row(
            f"{action.name} earns",
            cents_text(action.expected, answer.currency),
            cents_text(after, answer.currency),
        )
    yield Padding(table, (0, 0, 0, 2))
    yield from (Text(f"  {note}", style="dim") for note in what_if.notes)
    if what_if.contributions:
        index = told.contributions.index(told.told) if told.told in told.contributions else 0
        yield from _why(what_if.contributions[index], _units(told.inputs), "Why, what if", style="magenta")


def _units(inputs: Sequence[ExplainedInput]) -> dict[str, str]:
    return {item.name: item.unit for item in inputs}


def _why(told: Contributions, units: dict[str, str], title: str, style: str = "") -> Iterator[RenderableType]:
    of = f" of {told.of}" if told.of else ""
    yield Text(f"\n{title}{of}", style=f"bold {style}").append(f"  {scale_of(told)}", "not bold dim")
    terms, rest, others = largest(told.terms)
    table = plain_table("", "", "", "", right={2})
    if told.exact:
        table.add_row(Text("average prediction (baseline)", "dim"), "", amount(told.base), "")
    reach = max((abs(term.amount) for term in terms), default=0.0)
    for term in terms:
        bar = Text(_bar(abs(term.amount), reach), "red" if term.amount > 0 else "blue")
        table.add_row(term.column, shown(term.value, units.get(term.column, "")), amount(term.amount), bar)
    if others and told.exact:
        table.add_row(Text(f"{others} more columns together", "dim"), "", amount(rest), "")
    if told.exact:
        table.add_row(
            Text("adds up to the raw score" if told.adds_up else "adds up to", "bold"), "", amount(told.total), ""
        )
    for step in told.steps:
        table.add_row(Text(step.name, "dim"), "", shown(step.figure), "")
    yield Padding(table, (0, 0, 0, 2))
    yield Text(f"  {told.note}", style="dim")


def _bar(size: float, reach: float) -> str:
    eighths = round(8 * _BAR * size / reach) if reach else 0
    return "█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()


def _stories(told: Explanation) -> Iterator[RenderableType]:
    """Yield the source rows behind the features that moved the score most."""
    inputs = {item.name: item for item in told.inputs}
    order = [term.column for term in told.told.terms] if told.told else list(inputs)
    listed = [inputs[name] for name in order if name in inputs and (behind := inputs[name].behind) and behind.rows]
    if not listed:
        return
    yield _heading(
        "Source rows",
        "of the features with the largest contributions; --html has all features, --rows 50 more rows of each",
    )
    for item in listed[:_STORIES]:
        yield _story(item)


def _story(item: ExplainedInput) -> RenderableType:
    behind = item.behind
    assert behind is not None
    entity = ", ".join(f"{name} {shown(value)}" for name, value in behind.entity.items())
    title = Text(f"{item.name} = {shown(item.value, item.unit)}").append(
        f"  {item.formula}, {entity}: {rows_text(behind)}, {window_text(behind)}", "dim"
    )
    columns = list(behind.rows[0].values)
    table = plain_table("happened", "known from", *columns, "")
    for row in behind.rows:
        instants = (instant_text(row.event), instant_text(row.known))
        table.add_row(*instants, *(shown(row.values[name]) for name in columns), _remark(row))
    more = behind.count - len(behind.rows)
    if more > 0:
        table.add_row(Text(f"and {more:,} older", "dim"))
    return Padding(Group(title, Padding(table, (0, 0, 0, 2))), (0, 0, 1, 2))


def _remark(row: SourceRow) -> Text:
    parts = [Text("gives the value", "green")] if row.tells else []
    if row.replaced:
        parts.append(Text(f"corrected or deleted {instant_text(row.replaced)}", "yellow"))
    return Text(", ").join(parts)


def _inputs(inputs: Sequence[ExplainedInput], through: Sequence[Through], asked_by: str) -> Iterator[RenderableType]:
    yield _heading("Inputs", f"{len(inputs)} columns. {inputs_again(inputs)}")
    table = plain_table("", "value", "tick", "computed from", "recomputed")
    for item in inputs:
        style = "red" if item.agrees is False else "dim"
        tick = f"{item.tick:%Y-%m-%d %H:%M}" if item.tick else ""
        origin = rows_text(item.behind) or asked_by
        table.add_row(item.name, shown(item.value, item.unit), tick, Text(origin, "dim"), Text(agreement(item), style))
    for one in through:
        gave = Text(f"gave {one.gives}", "dim")
        table.add_row(Text(one.name, "dim"), shown(one.value), "", Text(rows_text(one.behind), "dim"), gave)
    yield Padding(table, (0, 0, 0, 2))


def _version(told: Explanation) -> Iterator[RenderableType]:
    version, made = told.version, told.made
    yield _heading("Model version", f"{version}, {version.algorithm}")
    provenance = version.provenance
    rows = [
        ("trained model", version.trained_model),
        ("snapshot", f"{version.snapshot}, {version.rows.get('train', 0):,} rows to train on"),
        ("declaration", version.declaration),
        ("git commit", commit_text(version)),
        ("packages", ", ".join(f"{name} {number}" for name, number in provenance.packages.items())),
        ("deployed", deployed_text(version.deployment)),
        ("champion at that time", champions_text(version)),
        ("log", f"predictions {made.log[:12]}, {made.segment}"),
        ("read", ", ".join(f"{node} {id[:12]}" for node, id in sorted(made.artifacts.items()))),
    ]
    yield _facts(rows)


def _again(told: Explanation) -> Iterator[RenderableType]:
    yield _heading("Scored again")
    table = plain_table("", "logged", "logged bytes", "bytes now", "")
    for output in told.outputs:
        mark = Text("✓", "green") if output.agrees else Text("✗ differs", "red")
        table.add_row(output.name, shown(output.logged), output.logged_bytes, output.again_bytes, mark)
    yield Padding(table, (0, 0, 0, 2))
    yield _statement("from stored inputs", told.again.statement, told.again.agrees)
    if told.from_features is not None:
        yield _statement("from recomputed features", told.from_features.statement, told.from_features.agrees)
    else:
        yield Text("  from recomputed features: not possible", style="yellow")


def _statement(what: str, text: str, agrees: bool) -> Text:
    return Text("  ✓ " if agrees else "  ✗ ", style="green" if agrees else "red").append(f"{what}: {text}", "default")

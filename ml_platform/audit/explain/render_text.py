"""An explanation as a page of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from ml_platform.audit.explain.contributions import Contributions
from ml_platform.audit.explain.explanation import REQUEST, ExplainedInput, Explanation
from ml_platform.audit.explain.source_rows_types import SourceRow
from ml_platform.audit.explain.wording import (
    agreement,
    amount,
    answer_text,
    champions_text,
    commit_text,
    deployed_text,
    largest,
    recomputed_inputs,
    rows_text,
    scale_of,
    settled_text,
    shown,
    window_text,
)
from ml_platform.core.formatting import cents_text, instant_text
from ml_platform.core.terminal_table import PlainTable, fact_table, line

_BAR = 20
_STORIES = 2
_TERMS = 5
_INPUTS = 5
_BLOCKS = " ▏▎▍▌▋▊▉█"


def print_explanation(explanation: Explanation, console: Console, *, everything: bool = False) -> None:
    """Print one explanation: the top of each part, or with `everything` all of it."""
    for part in _parts(explanation, everything):
        console.print(part)
    if not everything:
        console.print()
        console.print(line("--all shows every column, source row and package.", "dim"))


def _parts(explanation: Explanation, everything: bool) -> Iterator[RenderableType]:
    yield Text()
    yield line(explanation.prediction_id, "bold")
    if explanation.description:
        yield line(explanation.description, "dim", hang=0)
    yield line(answer_text(explanation), hang=0)
    yield from _answered(explanation)
    yield from _asked(explanation)
    if explanation.what_if:
        yield from _supposed(explanation, everything)
    if explanation.main_contributions:
        yield from _why(explanation.main_contributions, _units(explanation.inputs), "Why", everything)
    yield from _stories(explanation, everything)
    yield from _inputs(explanation, everything)
    yield from _version(explanation, everything)
    yield from _scored_now(explanation)
    for problem in explanation.problems:
        yield line(f"! {problem}", "yellow")


def _heading(text: str, beside: str = "") -> RenderableType:
    return Group(Text(), line(Text(text, "bold").append(f"  {beside}" if beside else "", "not bold dim")))


def _facts(rows: Sequence[tuple[str, str]]) -> RenderableType:
    return fact_table(rows, indent=2)


def _asked(explanation: Explanation) -> Iterator[RenderableType]:
    key = ", ".join(f"{name} {shown(value)}" for name, value in explanation.key.items())
    yield _heading("Entity", key)
    moment = explanation.asked_by if explanation.asked_by == REQUEST else "the batch run"
    rows = [
        ("prediction time", instant_text(explanation.prediction_time)),
        ("from data known at", f"{instant_text(explanation.effective_time)}, {moment}"),
        ("scored", instant_text(explanation.scored_at)),
    ]
    if explanation.population is not None:
        values = ", ".join(f"{name} {shown(value)}" for name, value in explanation.population.values.items())
        rows.append((explanation.asked_by, values))
    yield _facts(rows)


def _answered(explanation: Explanation) -> Iterator[RenderableType]:
    answer = explanation.answer
    scores = ", ".join(f"{name} {shown(value)}".removeprefix("score ") for name, value in answer.scores.items())
    yield _heading("Prediction", f"by {explanation.version}")
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
    yield _facts([*rows, ("action taken", answer.taken), ("outcome", settled_text(explanation))])


def _supposed(explanation: Explanation, everything: bool) -> Iterator[RenderableType]:
    what_if, answer = explanation.what_if, explanation.answer
    assert what_if is not None
    yield Text()
    yield line(Text("WHAT IF", "bold magenta").append("  hypothetical; nothing was logged", "not bold dim"))
    table = PlainTable("", "logged", "what if", indent=2)
    units = _units(explanation.inputs)
    for change in what_if.changes:
        unit = units.get(change.name, "")
        table.add_row(change.name, shown(change.before, unit), Text(shown(change.after, unit), "magenta"))
    for output in explanation.outputs:
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
    yield table
    yield from (line(note, "dim", indent=2) for note in what_if.notes)
    if what_if.contributions:
        index = (
            explanation.contributions.index(explanation.main_contributions)
            if explanation.main_contributions in explanation.contributions
            else 0
        )
        yield from _why(what_if.contributions[index], _units(explanation.inputs), "Why, what if", everything)


def _units(inputs: Sequence[ExplainedInput]) -> dict[str, str]:
    return {item.name: item.unit for item in inputs}


def _why(contributions: Contributions, units: dict[str, str], title: str, everything: bool) -> Iterator[RenderableType]:
    of = f" of {contributions.of}" if contributions.of else ""
    yield _heading(f"{title}{of}", scale_of(contributions))
    terms, rest, others = largest(contributions.terms, len(contributions.terms) if everything else _TERMS)
    table = PlainTable("", "", "", "", right={2}, whole={0, 3}, spare=(3,), indent=2)
    if contributions.exact:
        table.add_row(Text("average prediction (baseline)", "dim"), "", amount(contributions.base), "")
    reach = max((abs(term.amount) for term in terms), default=0.0)
    for term in terms:
        bar = Text(_bar(abs(term.amount), reach), "red" if term.amount > 0 else "blue")
        table.add_row(term.column, shown(term.value, units.get(term.column, "")), amount(term.amount), bar)
    if others and contributions.exact:
        table.add_row(Text(f"{others} more columns together", "dim"), "", amount(rest), "")
    if contributions.exact:
        table.add_row(
            Text("adds up to the raw score" if contributions.adds_up else "adds up to", "bold"),
            "",
            amount(contributions.total),
            "",
        )
    for step in contributions.steps:
        table.add_row(Text(step.name, "dim"), "", shown(step.figure), "")
    yield table
    yield line(contributions.note, "dim", indent=2)


def _bar(size: float, reach: float) -> str:
    eighths = round(8 * _BAR * size / reach) if reach else 0
    return "█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()


def _stories(explanation: Explanation, everything: bool) -> Iterator[RenderableType]:
    """Yield the source rows of the features that moved the score most."""
    inputs = {item.name: item for item in explanation.inputs}
    order = (
        [term.column for term in explanation.main_contributions.terms]
        if explanation.main_contributions
        else list(inputs)
    )
    traced = [inputs[name] for name in order if name in inputs]
    listed = [item for item in traced if item.source_rows is not None and item.source_rows.rows]
    if not listed:
        return
    yield _heading("Source rows", "of the features with the largest contributions; --rows 50 shows more rows of each")
    for item in listed if everything else listed[:_STORIES]:
        yield from _story(item)
    hidden = len(listed) - _STORIES
    if hidden > 0 and not everything:
        yield line(f"and of {hidden} more features", "dim", indent=2)


def _story(item: ExplainedInput) -> Iterator[RenderableType]:
    source_rows = item.source_rows
    assert source_rows is not None
    entity = ", ".join(f"{name} {shown(value)}" for name, value in source_rows.entity.items())
    title = Text(f"{item.name} = {shown(item.value, item.unit)}").append(
        f"  {item.formula}, {entity}: {rows_text(source_rows)}, {window_text(source_rows)}", "dim"
    )
    columns = list(source_rows.rows[0].values)
    table = PlainTable("happened", "known from", *columns, "", whole={0, 1}, indent=4)
    for row in source_rows.rows:
        instants = (instant_text(row.event), instant_text(row.known))
        table.add_row(*instants, *(shown(row.values[name]) for name in columns), _remark(row))
    yield line(title, indent=2)
    yield table
    more = source_rows.count - len(source_rows.rows)
    if more > 0:
        yield line(f"and {more:,} older", "dim", indent=4)


def _remark(row: SourceRow) -> Text:
    parts = [Text("gives the value", "green")] if row.gives_value else []
    if row.replaced:
        parts.append(Text(f"corrected or deleted {instant_text(row.replaced)}", "yellow"))
    return Text(", ").join(parts)


def _inputs(explanation: Explanation, everything: bool) -> Iterator[RenderableType]:
    inputs = explanation.inputs
    yield _heading("Inputs", f"{len(inputs)} columns. {recomputed_inputs(inputs)}")
    table = PlainTable("", "value", "tick", "computed from", "recomputed", whole={0, 2}, spare=(2,), indent=2)
    shown_inputs = inputs if everything else _top_inputs(explanation)
    for item in shown_inputs:
        style = "red" if item.agrees is False else "dim"
        tick = f"{item.tick:%Y-%m-%d %H:%M}" if item.tick else ""
        origin = rows_text(item.source_rows) or explanation.asked_by
        table.add_row(item.name, shown(item.value, item.unit), tick, Text(origin, "dim"), Text(agreement(item), style))
    for one in explanation.through if everything else ():
        gave = Text(f"gave {one.gives}", "dim")
        table.add_row(Text(one.name, "dim"), shown(one.value), "", Text(rows_text(one.source_rows), "dim"), gave)
    yield table
    hidden = len(inputs) - len(shown_inputs)
    if hidden:
        yield line(f"and {hidden} more columns", "dim", indent=2)


def _top_inputs(explanation: Explanation) -> list[ExplainedInput]:
    """Return the inputs that moved the score most, and every one whose recomputed value differs."""
    order = [term.column for term in explanation.main_contributions.terms] if explanation.main_contributions else []
    places = {name: place for place, name in enumerate(order)}
    ranked = sorted(explanation.inputs, key=lambda item: (item.agrees is not False, places.get(item.name, len(places))))
    differing = sum(item.agrees is False for item in explanation.inputs)
    return ranked[: max(_INPUTS, differing)]


def _version(explanation: Explanation, everything: bool) -> Iterator[RenderableType]:
    version, made = explanation.version, explanation.made
    yield _heading("Model version", f"{version}, {version.algorithm}")
    provenance = version.provenance
    rows = [
        ("trained model", version.trained_model),
        ("snapshot", f"{version.snapshot}, {version.rows.get('train', 0):,} rows to train on"),
        *([("refit", version.refit)] if version.refit else []),
        ("declaration", version.declaration),
        ("git commit", commit_text(version)),
        ("deployed", deployed_text(version.deployment)),
        ("champion at that time", champions_text(version)),
    ]
    more = [
        ("packages", ", ".join(f"{name} {number}" for name, number in provenance.packages.items())),
        ("log", f"predictions {made.log[:12]}, {made.segment}"),
        ("read", ", ".join(f"{node} {id[:12]}" for node, id in sorted(made.artifacts.items()))),
    ]
    yield _facts([*rows, *more] if everything else rows)


def _scored_now(explanation: Explanation) -> Iterator[RenderableType]:
    yield _heading("Reproduction")
    table = PlainTable("", "logged", "logged bytes", "bytes now", "", whole=range(5), spare=(3, 2), indent=2)
    for output in explanation.outputs:
        mark = Text("✓", "green") if output.agrees else Text("✗ differs", "red")
        table.add_row(output.name, shown(output.logged), output.logged_bytes, output.rescored_bytes, mark)
    yield table
    yield _statement("from stored inputs", explanation.rescored.statement, explanation.rescored.agrees)
    if explanation.from_features is not None:
        yield _statement(
            "from recomputed features", explanation.from_features.statement, explanation.from_features.agrees
        )
    else:
        yield line("from recomputed features: not possible", "yellow", indent=2)


def _statement(what: str, text: str, agrees: bool) -> RenderableType:
    mark = Text("✓ " if agrees else "✗ ", "green" if agrees else "red")
    return line(mark.append(f"{what}: {text}", "default"), indent=2)

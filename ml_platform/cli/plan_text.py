"""A plan in words, for the terminal and for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_platform.core.errors import listed
from ml_platform.core.formatting import all_up_to_date, elapsed_text
from ml_platform.operations.planning.changes import Change, Comparison
from ml_platform.operations.planning.plan import Plan, Planned, known_duration, unknown_durations


def causes_once(plan: Plan) -> list[tuple[Planned, list[str]]]:
    """Return the steps that are not up to date, each with the causes that no earlier step of its model has."""
    causes: dict[str, set[str]] = {}
    steps = []
    for node in (node for node in plan.nodes if node.verdict != "up to date" or node.reasons):
        known = causes.setdefault(node.node.partition("/")[0], set())
        steps.append((node, [cause for cause in node.causes if cause not in known]))
        known.update(node.causes)
    return steps


def worth_texts(evaluated: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what each changed model would be worth, in sentences."""
    from ml_platform.operations.experiments.words import difference_text, gain_text

    if not evaluated:
        yield "No declaration of a model has changed, so there is nothing to evaluate."
    for model in evaluated:
        if model.get("problem"):
            yield f"{model['model']}: {model['problem']}"
        else:
            yield f"{model['model']}: {difference_text(model)} {gain_text(model)}"


def compared_texts(compared: Comparison) -> Iterator[str]:
    """Yield what a project changes against a git revision, in sentences."""
    since = f"{compared.revision} ({compared.commit[:12]})"
    if not compared.changes:
        yield f"Nothing is declared in another way than in revision {since}."
    else:
        count, broken = len(compared.changes), len(compared.breaking)
        nodes = f"{count} node{' is' if count == 1 else 's are'}"
        breaking = "no change is breaking" if not broken else f"{broken} of these changes {_is(broken)} breaking"
        yield f"{nodes} declared in another way than in revision {since}; {breaking}."
    if compared.uncommitted:
        yield f"Compared as they are, and not committed: {listed(compared.uncommitted)}."


def breaking_texts(compared: Comparison) -> Iterator[str]:
    """Yield what changes against the last run break, in sentences; each once for a model."""
    shown: set[str] = set()
    for change in compared.breaking:
        if change.breaks not in shown:
            shown.add(change.breaks)
            yield f"Breaking: {change.breaks} ({change.node})."
    if compared.changes and not shown:
        yield "No changed declaration is breaking."


def breaking_word(change: Change) -> str:
    """Return whether a change is breaking."""
    return "yes" if change.breaks else "no"


def why_text(change: Change) -> str:
    """Return what changed, and what that breaks."""
    return "; ".join([*change.reasons, *([change.breaks] if change.breaks else [])])


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def conclusion(plan: Plan) -> Iterator[str]:
    """Yield what a plan comes to, in sentences."""
    would, may, blocked = (plan.having(verdict) for verdict in ("would run", "may run", "blocked"))
    if not (would or may or blocked):
        yield all_up_to_date(len(plan.nodes))
        return
    current = plan.having("up to date")
    if current:
        yield f"{_steps(current)} {'is' if len(current) == 1 else 'are'} up to date."
    if would:
        yield f"{_steps(would)} would run: {_together(would)}."
    if may:
        it = "it" if len(may) == 1 else "they"
        reads, does = ("reads", "does") if len(may) == 1 else ("read", "do")
        yield f"{_steps(may)} may run, if what comes before changes what {it} {reads}: {_together(may)} if {it} {does}."
    unknown = unknown_durations([*would, *may])
    if would and may and not unknown:
        yield f"In total: {_together(would)}, or {_together([*would, *may])} if all of them run."
    if blocked:
        yield f"{_steps(blocked)} cannot run: {listed(node.node for node in blocked)}."
    if unknown:
        yield f"No duration estimate (never run before): {listed(unknown)}."


def _steps(nodes: Sequence[Planned]) -> str:
    return f"{len(nodes)} step{'' if len(nodes) == 1 else 's'}"


def _together(nodes: Sequence[Planned]) -> str:
    if len(unknown_durations(nodes)) == len(nodes):
        return "duration unknown"
    known = f"about {elapsed_text(known_duration(nodes))}"
    return f"{known}, and steps of unknown duration" if unknown_durations(nodes) else known


def about_text(node: Planned) -> str:
    """Return about how long a step takes; nothing for one that would not run."""
    if node.verdict not in ("would run", "may run"):
        return ""
    return "unknown" if node.duration is None else elapsed_text(node.duration)

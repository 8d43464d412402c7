"""Values, amounts and facts of an explanation as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ml_platform.audit.explain.break_even import BreakEven
from ml_platform.audit.explain.contributions import Contributions, Term
from ml_platform.audit.explain.explanation import ExplainedInput, Explanation
from ml_platform.audit.explain.source_rows_types import TracedRows
from ml_platform.audit.explain.version_facts import DeploymentFacts, VersionFacts
from ml_platform.core.formatting import cents_text, instant_text, share_text, value_text

_TERMS = 10


def shown(value: Any, unit: str = "") -> str:
    """Return a value with its unit.

    >>> shown(None), shown(5.0503597122302155, "min"), shown(True), shown(1234567.0), shown("DL")
    ('null', '5.05036 min', 'true', '1234570', 'DL')
    >>> shown(-7), shown("-7"), shown("1e-5"), shown(9007199254740993)
    ('−7', '-7', '1e-5', '9007199254740993')
    >>> shown(440640.0, "s"), shown(30.0, "s"), shown(0.071, "share"), shown(45, "percent")
    ('5.1 days', '30 s', '7.1 %', '45 %')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return instant_text(value)
    if unit in ("s", "share", "percent") and isinstance(value, int | float):
        text = value_text(float(value), unit)
        return f"{text} s" if unit == "s" and " " not in text else text
    text = str(value)
    if isinstance(value, float):
        text = f"{value:.6g}"
        text = f"{float(text):.0f}" if "e+" in text and abs(value) < 1e15 else text
    if isinstance(value, int | float):
        text = text.replace("-", "−")  # a text that looks like a number stays as it is
    return f"{text} {unit}" if unit else text


def amount(figure: float | None) -> str:
    """Return a contribution with its sign.

    >>> amount(0.5), amount(-0.012), amount(0.0), amount(None)
    ('+0.500', '−0.0120', '0', '–')
    """
    if figure is None:
        return "–"
    if figure == 0:
        return "0"
    size = abs(figure)
    text = f"{size:.3f}" if 0.1 <= size < 100 else f"{size:,.0f}" if size >= 100 else f"{size:#.3g}"
    return f"{'+' if figure > 0 else '−'}{text}"


def largest(terms: Sequence[Term], count: int = _TERMS) -> tuple[tuple[Term, ...], float, int]:
    """Return the largest terms, the sum of the rest, and how many those are."""
    rest = terms[count:]
    return tuple(terms[:count]), sum(term.amount for term in rest), len(rest)


def window_text(source_rows: TracedRows) -> str:
    """Return which stretch of events counted."""
    if source_rows.start is None:
        return f"up to {instant_text(source_rows.end)}"
    return f"after {instant_text(source_rows.start).removesuffix(' UTC')}, up to {instant_text(source_rows.end)}"


def rows_text(source_rows: TracedRows | None) -> str:
    """Return how many rows a feature follows from."""
    if source_rows is None:
        return ""
    if source_rows.derived_from:
        return f"from {', '.join(source_rows.derived_from)}"
    nulls = f", {source_rows.nulls:,} of them null" if source_rows.nulls else ""
    return f"{source_rows.count:,} {'row' if source_rows.count == 1 else 'rows'} of {source_rows.source}{nulls}"


def agreement(item: ExplainedInput) -> str:
    """Return whether the recomputed value is the same."""
    if item.agrees is None:
        return "not recomputed"
    return "same" if item.agrees else f"now {shown(item.recomputed)}"


def recomputed_inputs(inputs: Sequence[ExplainedInput]) -> str:
    """Return how many recomputed inputs are the same, in a sentence."""
    differing, unknown = (sum(item.agrees is answer for item in inputs) for answer in (False, None))
    if differing:
        return f"Recomputed from the artifacts that the scoring read: {differing} of them differ from the log."
    if unknown:
        return "They could not be recomputed."
    return "Recomputed from the artifacts that the scoring read: all are equal."


def scale_of(contributions: Contributions) -> str:
    """Return what contributions are counted in."""
    if contributions.method == "set_to_null":
        return "change of the score"
    if any(step.name.startswith(("sigmoid", "softmax")) for step in contributions.steps):
        return "log-odds"
    return "in the prediction's own unit"


def settled_text(explanation: Explanation) -> str:
    """Return the outcome of a prediction, in a sentence or two."""
    outcome, currency = explanation.outcome, explanation.answer.currency
    if outcome.status == "waiting":
        return f"Unknown until {instant_text(outcome.settled_at)}."
    if outcome.status != "settled":
        return f"Unknown: {outcome.note or 'the declaration of the label is unavailable'}."
    text = f"{outcome.expression} is {shown(outcome.label)}, as known {instant_text(outcome.settled_at)}."
    if outcome.value is None:
        return f"{text} Its value is unknown: {outcome.note}."
    earned, nothing = (
        cents_text(outcome.value, currency),
        cents_text(outcome.do_nothing, currency),
    )
    action = "The recommended action" if outcome.counted is None else f"It counts as {outcome.counted}, which"
    return f"{text} {action} earned {earned}; doing nothing, {nothing}."


def answer_text(explanation: Explanation) -> str:
    """Return the answer in a sentence: how likely, from where on acting pays, what was recommended."""
    answer, label = explanation.answer, explanation.outcome.expression or "the label"
    recommended = "" if answer.action is None else f"; recommended: {answer.action}"
    if answer.predicted is not None:
        share = share_text(answer.scores.get(f"score.{answer.predicted}"))
        return f"{answer.predicted} is most likely, {share}{recommended}."
    score = answer.scores.get("score")
    if answer.action is None or score is None:
        return f"{label} is predicted to be {shown(score)}{recommended}."
    pays = f"; {pays_text(answer.break_even)}" if answer.break_even else ""
    return f"{share_text(score)} likely: {label}{pays}{recommended}."


def pays_text(even: BreakEven) -> str:
    """Return at which probabilities an action pays.

    >>> pays_text(BreakEven("rebook", "from", 0.2)), pays_text(BreakEven("rebook", "never", None))
    ('rebook pays from 20.0 %', 'rebook never pays')
    """
    if even.share is None:
        return f"{even.action} {even.pays} pays"
    return f"{even.action} pays {even.pays} {share_text(even.share)}"


def deployed_text(deployment: DeploymentFacts | None) -> str:
    """Return how a version came into production."""
    if deployment is None:
        return "the ledger has no deployment of this version"
    until = f" until {instant_text(deployment.until)}" if deployment.until else ", champion since"
    return (
        f"{deployment.action} by {deployment.actor} on {instant_text(deployment.at)}{until}, "
        f"ledger line {deployment.line}: {deployment.reason}"
    )


def commit_text(version: VersionFacts) -> str:
    """Return the commit, and whether files differed from it."""
    dirty = version.provenance.dirty
    return version.provenance.commit + (" with uncommitted changes" if dirty else "")


def champions_text(version: VersionFacts) -> str:
    """Return who was champion then, and who is now."""
    then = f"version {version.champion_then}" if version.champion_then else "no one"
    if version.champion_now is None:
        return f"{then}; now no one"
    if version.champion_now == version.champion_then:
        return f"{then}, unchanged since"
    return f"{then}; now version {version.champion_now}, since {instant_text(version.champion_now_since)}"

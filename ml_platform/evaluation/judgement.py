"""Gates and the release rule: whether a challenger may become champion, and why not.

Evaluation and deployment both ask here, so that a deployment never rests on a verdict that somebody wrote down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ml_platform.evaluation.basis import from_text
from ml_platform.spec.model import ModelSpec, Release, ReleaseRule

RuleName = Literal["first", "changed_declaration", "refresh"]


@dataclass(frozen=True)
class Comparison:
    """A challenger against one other contender, on identical rows.

    Attributes
    ----------
    difference, low, high
        How much more the challenger earns a row, with its 95 % interval.
    probability
        The probability that it earns more, less the rule's margin; None where the other could not be run, or where the
        interval is declined.
    problem
        Why the other could not be run.
    basis
        What the interval rests on (`ml_platform.evaluation.intervals.Interval.basis`).
    """

    other: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    probability: float | None = None
    problem: str | None = None
    basis: Mapping[str, Any] = field(default_factory=dict)


def rule_name(challenger_declaration: str, champion_declaration: str | None) -> RuleName:
    """Return which release rule applies, from the declarations that the two were trained by."""
    if champion_declaration is None:
        return "first"
    return "refresh" if champion_declaration == challenger_declaration else "changed_declaration"


def rule_of(release: Release, name: RuleName) -> ReleaseRule:
    """Return the declared rule."""
    rule: ReleaseRule = getattr(release, name)
    return rule


def opponents(rule: ReleaseRule, baselines: Sequence[str]) -> list[str]:
    """Return the contenders that a challenger must beat, by name."""
    found: list[str] = []
    for other in rule.better_than:
        found += [f"baseline/{name}" for name in baselines] if other == "baselines" else [other]
    return found


def judge_gates(model: ModelSpec, figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each gate with its figure, its limit, and whether it holds; a missing figure never does."""
    return [
        {
            "name": name,
            "figure": figures.get(name),
            "limit": str(gate),
            "passed": figures.get(name) is not None and gate.holds(figures[name]),
        }
        for name, gate in sorted(model.gates.items())
    ]


def judge_release(name: RuleName, rule: ReleaseRule, compared: Sequence[Comparison]) -> dict[str, Any]:
    """Return the rule with every comparison that it asks for, and whether all of them pass."""
    lines = [
        {**vars(item), "passed": item.probability is not None and item.probability >= rule.confidence}
        for item in compared
    ]
    return {
        "rule": name,
        "better_than": list(rule.better_than),
        "margin": rule.margin,
        "confidence": rule.confidence,
        "compared": lines,
        "passed": all(line["passed"] for line in lines),
    }


def refusals(gates: Sequence[Mapping[str, Any]], release: Mapping[str, Any], currency: str) -> list[str]:
    """Return why a challenger is refused, each reason with its figure and its limit; empty where it is not."""
    reasons = []
    for gate in gates:
        if not gate["passed"]:
            found = "missing" if gate["figure"] is None else f"{gate['figure']:.4g}"
            reasons.append(f"{gate['name']} is {found}, the gate asks for {gate['limit']}")
    for line in release["compared"]:
        if line["problem"]:
            reasons.append(_not_run(line, release["rule"]))
        elif not line["passed"]:
            reasons.append(_compared(line, release, currency))
    return reasons


def merits(gates: Sequence[Mapping[str, Any]], release: Mapping[str, Any], currency: str) -> list[str]:
    """Return why a challenger may be deployed, each reason with its figure and its limit."""
    reasons = [f"{gate['name']} is {gate['figure']:.4g}, the gate asks for {gate['limit']}" for gate in gates]
    return reasons + [_compared(line, release, currency) for line in release["compared"]]


def chance_of(release: Mapping[str, Any]) -> str:
    """Return what a rule's probabilities are of: earning more, or also falling short by no more than its margin."""
    margin = release["margin"]
    return f"earning more, or at most {100 * margin:g} % less," if margin else "earning more"


def _not_run(line: Mapping[str, Any], rule: str) -> str:
    return (
        f"{line['other']} cannot be run on these rows: {line['problem']}. To release without that comparison, declare "
        f"release.{rule}.better_than: [do_nothing, baselines]"
    )


def _compared(line: Mapping[str, Any], release: Mapping[str, Any], currency: str) -> str:
    if line["probability"] is None:
        return f"against {line['other']} no interval can be given: {line['basis']['declined']}"
    return (
        f"against {line['other']} the probability of {chance_of(release)} is {line['probability']:.2f}, the release "
        f"rule {release['rule']} asks for {release['confidence']:g} (difference {line['difference']:+.4g} {currency} "
        f"a row, 95 % interval {line['low']:+.4g} to {line['high']:+.4g}"
        f"{from_text(line['basis'])})"
    )

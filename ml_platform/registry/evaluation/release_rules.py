"""Gates and the release rule: whether a challenger may become champion.

Evaluation and deployment both ask here, so that a deployment never rests on a recorded verdict. Everything is judged
by differences from doing nothing or from another contender: a constant in every payoff changes no decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.release import DAYS_NEEDED, IGNORE, Confidence, Release

RuleName = Literal["first", "changed_declaration", "refresh"]
Verdict = Literal["deploy", "keep", "deploy none", "same"]
"""``keep`` the champion, if there is one; ``deploy none``: the champion itself earns no more than doing nothing."""

ANCHOR_MOVES_AT = 0.99
"""How sure it must be that a version earns more than the anchor, for the version to become the anchor."""
SURE_ABOVE_NOTHING = 0.9
"""How sure it must be that a challenger earns more than doing nothing, where the champion does not or cannot be run."""


@dataclass(frozen=True)
class Requirement:
    """How sure it must be that a challenger earns more than one opponent, less a share of the champion's gain."""

    other: str
    confidence: float
    margin: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """A challenger against one other contender, on identical rows.

    Attributes
    ----------
    difference, low, high
        How much more the challenger earns a row, with its 95 % interval.
    probability
        How sure it is that it earns more than the other, less `allowed`; None where that cannot be computed.
    allowed
        What it may earn less a row: the rule's margin in money.
    declined
        Why no interval can be given.
    problem
        Why the other could not be run on these rows.
    basis
        What the interval rests on (`ml_platform.registry.evaluation.intervals.Interval.basis`).
    """

    other: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    probability: float | None = None
    allowed: float = 0.0
    declined: str | None = None
    problem: str | None = None
    basis: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReleaseFacts:
    """What a test period showed, apart from the comparisons.

    Attributes
    ----------
    days
        The days that have rows.
    gain, champion_gain
        What challenger and champion earned a row above doing nothing; None for a champion that is missing or could
        not be run.
    anchor
        ``id`` of the anchor, and the ``probability`` that the challenger earns more; None where there is none.
    """

    rule: RuleName
    days: int
    gain: float
    champion_gain: float | None = None
    anchor: Mapping[str, Any] | None = None


def rule_name(challenger_declaration: str, champion_declaration: str | None) -> RuleName:
    """Return which release rule applies, from the declarations that the two were trained by."""
    if champion_declaration is None:
        return "first"
    return "refresh" if champion_declaration == challenger_declaration else "changed_declaration"


def margin_of(release: Release, name: RuleName) -> float:
    """Return what a challenger may earn less than the champion, as a share of the champion's gain."""
    return release.refresh.margin if name == "refresh" else 0.0


def requirements(
    release: Release, challenger: str, baselines: Sequence[str], tested: Mapping[str, Any]
) -> list[Requirement]:
    """Return what a challenger must show against each opponent, by the declaration.

    Parameters
    ----------
    challenger
        The id of its trained model; against itself as the anchor it has nothing to show.
    baselines
        The names of simpler predictors, such as ``baseline/ridge``.
    tested
        The fields of `ReleaseFacts`.
    """
    name: RuleName = tested["rule"]
    others: list[tuple[str, Confidence]]
    if name == "first":
        others = [("do_nothing", release.first.do_nothing)]
        others += [(baseline, release.first.baselines) for baseline in baselines]
    elif name == "changed_declaration":
        changed = release.changed_declaration
        others = [("champion", changed.champion), ("do_nothing", _above_nothing(tested, changed.do_nothing))]
    else:
        others = [("champion", release.refresh.champion)]
        if tested["anchor"] is not None and tested["anchor"]["id"] != challenger:
            others.append(("anchor", release.refresh.anchor))
        others.append(("do_nothing", _above_nothing(tested, IGNORE)))
    margins = {"champion": margin_of(release, name)}
    return [Requirement(other, sure, margins.get(other, 0.0)) for other, sure in others if sure != IGNORE]


def _above_nothing(tested: Mapping[str, Any], declared: Confidence) -> Confidence:
    """Return how sure a challenger must be to earn more than doing nothing: surer where the champion proves nothing."""
    gain = tested["champion_gain"]
    if gain is not None and gain > 0:
        return declared
    return SURE_ABOVE_NOTHING if declared == IGNORE else max(declared, SURE_ABOVE_NOTHING)


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


def judge_release(
    tested: Mapping[str, Any], required: Sequence[Requirement], compared: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what was tested with each requirement, and whether the challenger meets all of them.

    Parameters
    ----------
    tested
        The fields of `ReleaseFacts`.
    compared
        The fields of a `Comparison` for each opponent.
    """
    lines = [
        {
            **compared[item.other],
            "confidence": item.confidence,
            "margin": item.margin,
            "passed": (compared[item.other]["probability"] or 0.0) >= item.confidence,
        }
        for item in required
    ]
    enough = tested["days"] >= DAYS_NEEDED and tested["gain"] > 0
    return {**tested, "compared": lines, "passed": enough and all(line["passed"] for line in lines)}


def verdict_of(
    gates: Sequence[Mapping[str, Any]], release: Mapping[str, Any], *, same: bool, comparable: bool = True
) -> Verdict:
    """Return what an evaluation recommends.

    Parameters
    ----------
    same
        Whether the challenger is the champion itself.
    comparable
        Whether an interval can be given of the champion's gain; without one the verdict is not that it earns nothing.
    """
    if not same and release["passed"] and all(gate["passed"] for gate in gates):
        return "deploy"
    known = comparable and release["days"] >= DAYS_NEEDED and not any(line["declined"] for line in release["compared"])
    if known and release["champion_gain"] is not None and release["champion_gain"] <= 0:
        return "deploy none"
    return "same" if same else "keep"


def anchor_after(trained_id: str, release: Mapping[str, Any]) -> str:
    """Return the anchor from the deployment of a challenger on: itself, if there was none or it won outright."""
    anchor = release["anchor"]
    return trained_id if anchor is None or (anchor["probability"] or 0.0) >= ANCHOR_MOVES_AT else str(anchor["id"])

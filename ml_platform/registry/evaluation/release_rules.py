"""Gates and the release rule: whether a challenger may become champion.

Evaluation and deployment both ask here, so that a deployment never rests on a recorded verdict. Everything is judged
by differences from doing nothing or from another contender: a constant in every payoff changes no decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ml_platform.declarations.gate import Gate
from ml_platform.declarations.gates import evaluated_gates
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.release import DAYS_NEEDED, IGNORE, Confidence, Release
from ml_platform.storage.artifact_kinds.evaluation import (
    Comparison,
    GateResult,
    ReleaseFacts,
    ReleaseResult,
    RequirementResult,
    RuleName,
)

Verdict = Literal["deploy", "keep", "deploy none", "same"]
"""``keep`` the champion, if there is one; ``deploy none``: the champion itself earns no more than doing nothing."""

ANCHOR_MOVES_AT = 0.99
"""How sure it must be that a version earns more than the anchor, for the version to become the anchor."""
SURE_ABOVE_NOTHING = 0.9
"""How sure it must be that a challenger earns more than doing nothing, where the champion does not or cannot be run."""

LEAST_SURE = 0.5
"""How sure it must be that a challenger earns more than doing nothing, where every opponent is ignored."""


@dataclass(frozen=True)
class Requirement:
    """How sure it must be that a challenger earns more than one opponent, less a share of the champion's gain."""

    other: str
    confidence: float
    margin: float = 0.0


def rule_name(challenger_declaration: str, champion_declaration: str | None) -> RuleName:
    """Return which release rule applies, from the declarations that the two were trained by."""
    if champion_declaration is None:
        return "first"
    return "refresh" if champion_declaration == challenger_declaration else "changed_declaration"


def margin_of(release: Release, name: RuleName) -> float:
    """Return what a challenger may earn less than the champion, as a share of the champion's gain."""
    return release.refresh.margin if name == "refresh" else 0.0


def requirements(
    release: Release, challenger: str, baselines: Sequence[str], tested: ReleaseFacts
) -> list[Requirement]:
    """Return what a challenger must show against each opponent, by the declaration.

    Parameters
    ----------
    challenger
        The id of its trained model; against itself as the anchor it has nothing to show.
    baselines
        The names of simpler predictors, such as ``baseline/ridge``.
    """
    name = tested.rule
    others: list[tuple[str, Confidence]]
    if name == "first":
        others = [("do_nothing", release.first.do_nothing)]
        others += [(baseline, release.first.baselines) for baseline in baselines]
    elif name == "changed_declaration":
        changed = release.changed_declaration
        others = [("champion", changed.champion), ("do_nothing", _above_nothing(tested, changed.do_nothing))]
    else:
        others = [("champion", release.refresh.champion)]
        if tested.anchor is not None and tested.anchor.id != challenger:
            others.append(("anchor", release.refresh.anchor))
        others.append(("do_nothing", _above_nothing(tested, IGNORE)))
    margins = {"champion": margin_of(release, name)}
    declared = [Requirement(other, sure, margins.get(other, 0.0)) for other, sure in others if sure != IGNORE]
    return declared or [Requirement("do_nothing", LEAST_SURE)]


def _above_nothing(tested: ReleaseFacts, declared: Confidence) -> Confidence:
    """Return how sure a challenger must be to earn more than doing nothing: surer where the champion proves nothing."""
    gain = tested.champion_gain
    if gain is not None and gain > 0:
        return declared
    return SURE_ABOVE_NOTHING if declared == IGNORE else max(declared, SURE_ABOVE_NOTHING)


def judge_gates(model: ModelSpec, figures: Mapping[str, float | None]) -> list[GateResult]:
    """Return each gate with its figure, its limit, and whether it holds; a missing figure never does."""
    return [judged_gate(name, gate, figures.get(name)) for name, gate in sorted(evaluated_gates(model).items())]


def judged_gate(name: str, gate: Gate, figure: float | None) -> GateResult:
    """Return a gate with its figure, its limit, and whether it holds; a missing figure never does."""
    passed = figure is not None and gate.holds(figure)
    return GateResult(name=name, figure=figure, limit=str(gate), passed=passed)


def judge_release(
    tested: ReleaseFacts, required: Sequence[Requirement], compared: Mapping[str, Comparison]
) -> ReleaseResult:
    """Return what was tested with each requirement, and whether the challenger meets all of them.

    Parameters
    ----------
    compared
        The comparison with each opponent.
    """
    lines = tuple(_judged(item, compared[item.other]) for item in required)
    enough = tested.days >= DAYS_NEEDED and tested.gain > 0
    facts = {name: getattr(tested, name) for name in ReleaseFacts.model_fields}
    return ReleaseResult(**facts, compared=lines, passed=enough and all(line.passed for line in lines))


def _judged(item: Requirement, result: Comparison) -> RequirementResult:
    return RequirementResult(
        **{name: getattr(result, name) for name in Comparison.model_fields},
        confidence=item.confidence,
        margin=item.margin,
        passed=(result.probability or 0.0) >= item.confidence,
    )


def verdict_of(gates: Sequence[GateResult], release: ReleaseResult, *, same: bool, comparable: bool = True) -> Verdict:
    """Return what an evaluation recommends.

    Parameters
    ----------
    same
        Whether the challenger is the champion itself.
    comparable
        Whether an interval can be given of the champion's gain; without one the verdict is not that it earns nothing.
    """
    if not same and release.passed and all(gate.passed for gate in gates):
        return "deploy"
    known = comparable and release.days >= DAYS_NEEDED and not any(line.declined for line in release.compared)
    if known and release.champion_gain is not None and release.champion_gain <= 0:
        return "deploy none"
    return "same" if same else "keep"


def anchor_after(trained_id: str, release: ReleaseFacts) -> str:
    """Return the anchor from the deployment of a challenger on: itself, if there was none or it won outright."""
    anchor = release.anchor
    return trained_id if anchor is None or (anchor.probability or 0.0) >= ANCHOR_MOVES_AT else anchor.id

"""Why a challenger is deployed or not, in words: each reason with what was found and what is needed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ml_platform.declarations.release import DAYS_NEEDED
from ml_platform.registry.evaluation.basis import from_text
from ml_platform.storage.artifact_kinds.evaluation import (
    EvaluationManifest,
    GateResult,
    ReleaseResult,
    RequirementResult,
)

_GATE = re.compile(r"\b(\w+) is (missing|-?[\d.]+(?:e[+-]?\d+)?|inf), the gate needs ([<>]=?) (-?[\d.]+(?:e[+-]?\d+)?)")
_UNITS = {"mb": "MB", "ms": "ms", "seconds": "seconds", "hours": "hours"}
_SIGNS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def shortfalls(gates: Sequence[GateResult], release: ReleaseResult, currency: str) -> list[str]:
    """Return why a challenger is not released, each reason with its figure and its limit; empty where it may be."""
    missed = [gate_text(gate) for gate in gates if not gate.passed]
    return missed + [text for met, text in conditions(release, currency) if not met]


def merits(gates: Sequence[GateResult], release: ReleaseResult, currency: str) -> list[str]:
    """Return why a challenger may be deployed, each reason with its figure and its limit."""
    met = [gate_text(gate) for gate in gates if gate.passed]
    return met + [text for met, text in conditions(release, currency) if met]


def conditions(release: ReleaseResult, currency: str) -> list[tuple[bool, str]]:
    """Return what the release rule needs, each with whether it is met; what every rule needs, only where it is not."""
    lines: list[tuple[bool, str]] = []
    if release.days < DAYS_NEEDED:
        days = f"{release.days} day has" if release.days == 1 else f"{release.days} days have"
        lines.append((False, f"{days} test rows, a release needs {DAYS_NEEDED}: lengthen split.test"))
    if release.gain <= 0:
        gain = f"{_signed(release.gain)} {currency} a row"
        lines.append((False, f"the gain over doing nothing is {gain}, a release needs more than 0"))
    lines += [(line.passed, _line_text(line, release.rule, currency)) for line in release.compared]
    return list(dict.fromkeys(lines))


def gate_text(gate: GateResult) -> str:
    """Return a gate with its figure, as people read it everywhere.

    >>> gate_text(GateResult(name="size_mb", figure=0.66, limit="<= 20", passed=True))
    'size in MB 0.66, required: at most 20'
    """
    return in_words(_recorded(gate))


def recorded_reasons(gates: Sequence[GateResult], release: ReleaseResult, currency: str) -> tuple[str, ...]:
    """Return the reasons as an evaluation holds them: in a form that stays, since its id is of it."""
    missed = [_recorded(gate) for gate in gates if not gate.passed]
    missed += [text for met, text in conditions(release, currency) if not met]
    met = [_recorded(gate) for gate in gates] + [text for _, text in conditions(release, currency)]
    return tuple(missed or met)


def reasons_of(evaluation: EvaluationManifest) -> list[str]:
    """Return the reasons of an evaluation as people read them."""
    return [in_words(reason) for reason in evaluation.reasons]


def _recorded(gate: GateResult) -> str:
    figure = "missing" if gate.figure is None else f"{gate.figure:.4g}"
    note = f" ({gate.note})" if gate.note else ""
    return f"{gate.name} is {figure}, the gate needs {gate.limit}{note}"


def in_words(reason: str) -> str:
    """Return a recorded reason with its gates in words; what else it holds stays as it is.

    >>> in_words("auc is 0.53, the gate needs >= 0.65 (low)")
    'auc 0.53, required: at least 0.65 (low)'
    """
    return _GATE.sub(lambda gate: f"{figure_words(gate[1])} {gate[2]}, required: {_SIGNS[gate[3]]} {gate[4]}", reason)


def limit_words(limit: str) -> str:
    """Return the limit of a gate in words.

    >>> limit_words(">= 0.65")
    'at least 0.65'
    """
    sign, _, figure = limit.partition(" ")
    return f"{_SIGNS[sign]} {figure}"


def figure_words(figure: str) -> str:
    """Return the name of a figure in words.

    >>> figure_words("feature_age_hours"), figure_words("slices_losing")
    ('feature age in hours', 'slices losing')
    """
    name, _, unit = figure.rpartition("_")
    return f"{name.replace('_', ' ')} in {_UNITS[unit]}" if unit in _UNITS else figure.replace("_", " ")


def plain_name(contender: str) -> str:
    """Return the name of a contender in words.

    >>> plain_name("baseline/logistic_regression"), plain_name("do_nothing")
    ('logistic regression', 'do nothing')
    """
    return contender.removeprefix("baseline/").replace("_", " ")


def parts_of(reason: str) -> list[str]:
    """Return the reasons that a line of the ledger joins with semicolons; those in parentheses part nothing.

    >>> parts_of("auc is 0.7, the gate needs >= 0.6; 91 % sure, needs 90 % (from 9 days; wide on purpose)")
    ['auc is 0.7, the gate needs >= 0.6', '91 % sure, needs 90 % (from 9 days; wide on purpose)']
    """
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(reason):
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and reason.startswith("; ", place):
            parts.append(reason[start:place])
            start = place + 2
    return [*parts, reason[start:]]


def sure_text(line: RequirementResult) -> str:
    """Return how sure it is that a challenger earns more than another, and how sure it must be.

    >>> line = RequirementResult.model_construct(other="anchor", margin=0.0, probability=0.6789, confidence=0.9)
    >>> sure_text(line)
    '67.8 % sure that it earns more than the anchor, needs 90 %'
    """
    other, margin = other_name(line.other), line.margin
    claim = f"earns more than {other}"
    if margin:
        claim = f"keeps at least {100 * (1 - margin):g} % of {other}'s gain"
    return f"{percent(line.probability or 0.0)} % sure that it {claim}, needs {100 * line.confidence:g} %"


def percent(probability: float) -> str:
    """Return a probability in per cent, rounded down, so that what is not reached never looks reached.

    >>> percent(0.89999), percent(0.9), percent(1.0)
    ('89.9', '90', '100')
    """
    return f"{math.floor(1000 * probability + 1e-9) / 10:g}"


def other_name(other: str) -> str:
    """Return a contender as a sentence names it.

    >>> other_name("baseline/ridge"), other_name("do_nothing"), other_name("anchor")
    ('baseline ridge', 'doing nothing', 'the anchor')
    """
    if other == "do_nothing":
        return "doing nothing"
    return other.replace("/", " ") if other.startswith("baseline/") else f"the {other}"


def _line_text(line: RequirementResult, rule: str, currency: str) -> str:
    """Return a comparison as a reason: how sure it is of what, how sure it must be, and the difference."""
    if line.problem:
        return (
            f"{other_name(line.other)} cannot be run on these rows: {line.problem}. To release without that "
            f"comparison, declare release: {{{rule}: {{{line.other}: ignore}}}}"
        )
    if line.declined:
        return str(line.declined)
    interval = f"95 % interval {_signed(line.low)} to {_signed(line.high)}{from_text(line.basis)}"
    return f"{sure_text(line)} (difference {_signed(line.difference)} {currency} a row, {interval})"


def _signed(amount: float | None) -> str:
    return f"{amount or 0.0:+.4g}".replace("-", "−")

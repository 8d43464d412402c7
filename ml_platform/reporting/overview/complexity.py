"""What a version earned more than the algorithms that were fitted beside it: the price of complexity, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.declarations.algorithms import algorithms
from ml_platform.reporting.overview.backtest_lines import row_amount
from ml_platform.storage.artifact_kinds.evaluation import ChallengerAhead, EvaluationManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest

_BASELINE, _DECLARED = "baseline/", "declared_algorithm"


def complexity_sentences(trained: TrainedModelManifest, evaluation: EvaluationManifest) -> Iterator[str]:
    """Yield what the version earned a row more than each algorithm that was fitted beside it, and what follows."""
    mine = trained.choice.chosen if trained.choice else _short(trained.algorithm)
    simpler = _simpler(trained)
    for item in evaluation.contenders:
        ahead = item.challenger_ahead
        if item.role == "baseline" and ahead is not None and ahead.per_row is not None:
            other = _other(trained, item.name)
            yield f"{mine} {_earned(ahead, evaluation.currency)} {other}{_sure(ahead, other, other in simpler)}."


def _simpler(trained: TrainedModelManifest) -> set[str]:
    """Return the algorithms that are simpler than the version's: those before it on the ladder, or all baselines."""
    if trained.choice is None:
        return {baseline.name for baseline in trained.baselines}
    rungs = [rung.name for rung in trained.choice.rungs]
    return set(rungs[: rungs.index(trained.choice.chosen)])


def _other(trained: TrainedModelManifest, name: str) -> str:
    if name == _DECLARED and trained.choice is not None:
        return trained.choice.rungs[-1].name
    return name.removeprefix(_BASELINE)


def _earned(ahead: ChallengerAhead, unit: str) -> str:
    if not ahead.per_row:
        return "earned the same as"
    return f"earned {row_amount(abs(ahead.per_row))} {unit} a row {'more' if ahead.per_row > 0 else 'less'} than"


def _sure(ahead: ChallengerAhead, other: str, is_simpler: bool) -> str:
    """Return the interval, and which of both should be preferred by it."""
    if ahead.low is None or ahead.high is None:
        return f" ({ahead.declined})" if ahead.declined else ""
    interval = f" (95 % interval {row_amount(ahead.low)} to {row_amount(ahead.high)})"
    if ahead.high < 0:
        return f"{interval}: {other} is surely better"
    if ahead.low <= 0 and is_simpler:
        return f"{interval}: {other} is simpler, and may be enough"
    return interval


def _short(algorithm: str) -> str:
    """Return the name by which declarations call an algorithm."""
    kind = algorithms().get(algorithm)
    return (getattr(kind, "short_name", None) if kind else None) or algorithm

"""What a version earned on each declared slice of its test rows, as people read it: the largest loss first."""

from __future__ import annotations

from dataclasses import dataclass

from ml_platform.core.formatting import amount_text
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest, SliceResult
from ml_platform.storage.artifact_kinds.figures import BasedFigure


@dataclass(frozen=True)
class SliceLine:
    """One slice.

    Attributes
    ----------
    gain, interval
        The gain over doing nothing on its rows, and the interval that holds for all slices together.
    verdict
        ``gains`` or ``loses`` where that is sure, ``the same`` as doing nothing, ``not certain``, or ``too few rows``.
    champion
        The gain over the champion on the same rows, empty where there is none, and ``below`` where that is sure.
    """

    name: str
    rows: int
    gain: str
    interval: str
    verdict: str
    champion: str


def slice_lines(evaluation: EvaluationManifest) -> tuple[SliceLine, ...]:
    """Return a line for each slice of an evaluation; none where its model declares no slice."""
    ordered = sorted(evaluation.slices or (), key=_gain)
    return tuple(_line(item, evaluation.currency) for item in ordered)


def _gain(item: SliceResult) -> float:
    return item.do_nothing.figure if item.do_nothing else 0.0


def _line(item: SliceResult, currency: str) -> SliceLine:
    ahead, champion = item.do_nothing, item.champion
    if ahead is None:
        return SliceLine(item.name, 0, "", "no test row", "too few rows", "")
    against = ""
    if champion is not None:
        against = f"{amount_text(champion.figure, places=0)} {currency}" + (", below" if _is_below(champion) else "")
    gain = f"{amount_text(ahead.figure, places=0)} {currency}"
    interval = ahead.declined or " to ".join(amount_text(end, places=0) for end in (ahead.low, ahead.high))
    return SliceLine(item.name, item.rows, gain, interval, _verdict(ahead), against)


def _verdict(ahead: BasedFigure) -> str:
    if ahead.low is None:
        return "too few rows"
    if ahead.low > 0:
        return "gains"
    if ahead.low == ahead.high:
        return "the same"
    return "loses" if _is_below(ahead) else "not certain"


def _is_below(interval: BasedFigure) -> bool:
    return interval.high is not None and interval.high < 0

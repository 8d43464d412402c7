"""Inductive Venn-Abers calibration: Vovk, Petej and Fedorova, "Large-scale probabilistic predictors" (2015).

A new score is put among the validate rows twice, once as a row that has the class and once as one that has not.
Isotonic regression gives it a probability each time; their merge of least log loss is the answer.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ml_platform.models.calibrators.base import Calibrator

if TYPE_CHECKING:
    import numpy as np

_Point = tuple[int, int]
"""Rows so far, and how many of them have the class."""


@dataclass(frozen=True)
class VennAbers(Calibrator):
    """Two rising step functions of the score: its probability as a row without the class, and as one with it.

    Attributes
    ----------
    lower_scores, lower
        From each of these scores on, the first function has this value; before them it is 0.
    upper_scores, upper
        Up to each of these scores, that score among them, the second has this value; after them it is 1.
    """

    lower_scores: tuple[float, ...]
    lower: tuple[float, ...]
    upper_scores: tuple[float, ...]
    upper: tuple[float, ...]

    name = "venn_abers"

    @classmethod
    def fit(cls, scores: np.ndarray, positive: np.ndarray) -> Self:
        """Return both step functions. They follow from counts of rows alone: no order of rows, no sum of floats."""
        import numpy as np

        distinct, place = np.unique(scores, return_inverse=True)
        rows = np.bincount(place).tolist()
        hits = np.bincount(place[positive], minlength=len(rows)).tolist()
        misses = [count - hit for count, hit in zip(rows, hits, strict=True)]
        upper = [hit / count for hit, count in _slopes(rows, hits)]
        # a row without the class, seen from above: scores fall, and the classes change places
        lower = [(count - miss) / count for miss, count in _slopes(rows[::-1], misses[::-1])][::-1]
        at = distinct.tolist()
        rises = [place for place, before in enumerate([0.0, *lower[:-1]]) if lower[place] != before]
        ends = [place for place, after in enumerate([*upper[1:], 1.0]) if upper[place] != after]
        return cls(_picked(at, rises), _picked(lower, rises), _picked(at, ends), _picked(upper, ends))

    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Return the merge of both probabilities for each score."""
        import numpy as np

        lower = np.array([0.0, *self.lower])[np.searchsorted(self.lower_scores, scores, side="right")]
        upper = np.array([*self.upper, 1.0])[np.searchsorted(self.upper_scores, scores, side="left")]
        return np.where(np.isnan(scores), np.nan, upper / (1 - lower + upper))

    def apply_one(self, score: float) -> float:
        """Return the merge of both probabilities for one score."""
        if score != score:
            return score
        below, above = bisect_right(self.lower_scores, score), bisect_left(self.upper_scores, score)
        lower = self.lower[below - 1] if below else 0.0
        upper = self.upper[above] if above < len(self.upper) else 1.0
        return upper / (1 - lower + upper)

    def state(self) -> Sequence[Any]:
        """Return the corners of both functions; each corner is a change, so equal functions have equal states."""
        return [list(self.lower_scores), list(self.lower), list(self.upper_scores), list(self.upper)]

    @classmethod
    def load(cls, state: Sequence[Any]) -> Self:
        """Return the functions of stored corners."""
        return cls(*(tuple(corners) for corners in state))

    @property
    def title(self) -> str:
        """How an explanation names the step."""
        return "Venn-Abers calibration"


def _slopes(rows: Sequence[int], hits: Sequence[int]) -> list[tuple[int, int]]:
    """Return for each distinct score the isotonic share of a new row with the class there, as hits and rows.

    Algorithms 1 and 2 of the paper. The share is a slope of the greatest convex minorant of the running counts. A new
    row at a score moves all counts before it by one row, which is at most one new corner of the minorant.
    """
    counts = [(-1, -1), (0, 0)]
    for count, hit in zip(rows, hits, strict=True):
        counts.append((counts[-1][0] + count, counts[-1][1] + hit))
    corners: list[_Point] = []
    for point in counts:
        _add_corner(corners, point, 1)
    corners.reverse()  # the leftmost is the last
    slopes = []
    for before, after in counts[2:]:
        (left, low), (right, high) = corners[-1], corners[-2]
        slopes.append((high - low, right - left))
        moved = before - 1, after - 1
        if _turn(corners[-1], corners[-2], moved) < 0:  # below the edge
            corners.pop()
            _add_corner(corners, moved, -1)
    return slopes


def _add_corner(corners: list[_Point], point: _Point, direction: int) -> None:
    """Add a point at the end of a convex chain, without the corners that are no longer any."""
    while len(corners) > 1 and direction * _turn(corners[-2], corners[-1], point) <= 0:
        corners.pop()
    corners.append(point)


def _turn(first: _Point, second: _Point, third: _Point) -> int:
    """Return a positive number where the way over three points turns left, exactly."""
    return (second[0] - first[0]) * (third[1] - first[1]) - (second[1] - first[1]) * (third[0] - first[0])


def _picked(values: Sequence[float], places: Sequence[int]) -> tuple[float, ...]:
    return tuple(values[place] for place in places)

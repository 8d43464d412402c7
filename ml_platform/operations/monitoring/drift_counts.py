"""How many columns of a model have drifted, have not, or without a verdict: the one count that every page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class DriftCounts:
    """Columns by verdict; features and scores alike.

    Attributes
    ----------
    undecided
        Columns that have too few rows, or that move so much by themselves that no change could be detected.
    """

    drifted: int
    steady: int
    undecided: int

    @property
    def columns(self) -> int:
        """How many columns were looked at."""
        return self.drifted + self.steady + self.undecided

    @property
    def text(self) -> str:
        """The counts in words.

        >>> DriftCounts(drifted=2, steady=14, undecided=37).text
        '2 of 53 columns drifted, 14 did not, no verdict for 37'
        >>> DriftCounts(drifted=0, steady=5, undecided=0).text
        'none of 5 columns drifted'
        >>> DriftCounts(drifted=0, steady=0, undecided=8).text
        'no verdict for any of 8 columns'
        """
        if not self.columns:
            return "no column was compared"
        if self.undecided == self.columns:
            return f"no verdict for any of {self.columns} columns"
        text = f"{self.drifted or 'none'} of {self.columns} columns drifted"
        if self.drifted and self.steady:
            text += f", {self.steady} did not"
        return f"{text}, no verdict for {self.undecided}" if self.undecided else text


def count_verdicts(verdicts: Iterable[str]) -> DriftCounts:
    """Return how many columns have each verdict.

    Parameters
    ----------
    verdicts
        One for each column: ``drifted``, ``not drifted``, ``inconclusive`` or ``too few rows``.
    """
    counts = Counter(verdicts)
    drifted, steady = counts.pop("drifted", 0), counts.pop("not drifted", 0)
    return DriftCounts(drifted, steady, sum(counts.values()))

"""One set of parameters and its outcome, fold by fold and day by day; the paired test that ends it early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from ml_platform.core.statistics.moments import is_constant
from ml_platform.storage.artifact_kinds.tuning import TrialFacts

PRUNED_AT = 0.05
"""A trial ends early where it is this improbable that it is not worse than the best one."""
FEWEST_DAYS = 5
"""With fewer days nothing is pruned."""


@dataclass(frozen=True)
class DayLosses:
    """The losses of one fold by day: their sum, and how many rows."""

    sums: tuple[float, ...]
    rows: tuple[int, ...]

    @classmethod
    def of(cls, losses: np.ndarray, days: np.ndarray) -> DayLosses:
        """Return the sums of the losses of rows, with the day of each."""
        _, place = np.unique(days, return_inverse=True)
        return cls(tuple(np.bincount(place, losses).tolist()), tuple(np.bincount(place).tolist()))


@dataclass(frozen=True)
class Trial:
    """A set of parameters that was tried.

    Attributes
    ----------
    folds
        The folds that judged it: all of them, or the first ones where it was pruned or failed.
    seconds
        How long it took.
    note
        Why it failed.
    """

    params: Mapping[str, Any]
    state: Literal["complete", "pruned", "failed"]
    folds: tuple[DayLosses, ...]
    seconds: float
    note: str | None = None

    @property
    def losses(self) -> tuple[float, ...]:
        """The mean loss of a row over the folds so far, after each fold."""
        return tuple(mean_loss(self.folds[: place + 1]) for place in range(len(self.folds)))

    @property
    def facts(self) -> TrialFacts:
        """The trial as a manifest has it."""
        facts = TrialFacts(params=dict(self.params), state=self.state, losses=self.losses)
        return facts if self.note is None else facts.but(note=self.note)

    def to_json(self) -> dict[str, Any]:
        """Return the trial as the journal keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Trial:
        """Return the trial that the journal keeps."""
        folds = tuple(DayLosses(tuple(fold["sums"]), tuple(fold["rows"])) for fold in kept["folds"])
        return cls(kept["params"], kept["state"], folds, kept["seconds"], kept["note"])


def mean_loss(folds: Sequence[DayLosses]) -> float:
    """Return the mean loss of a row over some folds."""
    return sum(sum(fold.sums) for fold in folds) / sum(sum(fold.rows) for fold in folds)


def is_worse(folds: Sequence[DayLosses], best: Sequence[DayLosses]) -> bool:
    """Return whether a trial is surely worse than the best one, by a paired t-test over days.

    Rows of a day share its luck, so a day is one observation: the difference of the sums of its losses.

    Parameters
    ----------
    best
        The folds of the best trial so far, of which as many are compared.
    """
    from scipy.stats import t as student

    pairs = zip(folds, best[: len(folds)], strict=True)
    differences = np.concatenate([np.subtract(fold.sums, other.sums) for fold, other in pairs])
    if len(differences) < FEWEST_DAYS:
        return False
    if is_constant(differences):
        return bool(differences[0] > 0)
    error = differences.std(ddof=1) / len(differences) ** 0.5
    return bool(student.sf(differences.mean() / error, len(differences) - 1) < PRUNED_AT)

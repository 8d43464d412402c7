"""The interval of a measured effect: what chance could have brought by who was held out.

Entities were held out at random and independently of each other, so their assignment is all the luck that there is:
days that are good or bad for everyone are so for both groups. The variance is that of sums by entity (Liang and Zeger,
Biometrika 1986), each group times G / (G - 1) for an effective number G of its entities, and the degrees of freedom
are those of both groups together (Welch, Biometrika 1947). A group that happens to hold no rare gain is not thought
calm for it: its variance is at least the one that its rows would have by the spread of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_platform.registry.evaluation.clusters import Shape, numbered, shape_of
from ml_platform.registry.evaluation.interval_notes import FEW_ENTITIES
from ml_platform.registry.evaluation.intervals import MIN_GAINS, Interval
from ml_platform.registry.evaluation.persistence import LEVEL, effective_number

LEAST_ENTITIES = 5.0
"""How many entities of equal size each group needs."""


@dataclass(frozen=True)
class _Group:
    """One group.

    Attributes
    ----------
    variance
        Of the group's mean, and its degrees of freedom, `freedom`.
    entities
        How many entities of equal size it has.
    gains
        How many gains it can be expected to hold, where gains are rare.
    """

    name: str
    variance: float
    freedom: float
    entities: float
    gains: float

    @classmethod
    def of(cls, name: str, off: np.ndarray, share: np.ndarray, owner: np.ndarray, every: Shape) -> _Group:
        """Return a group by what its rows are off its mean, their share in the mean, and the shape of all rows."""
        names, place = numbered(owner)
        sums = np.bincount(place, off * share, minlength=len(names))
        entities = effective_number(np.bincount(place, share))
        variance, freedom = float((sums**2).sum()) * entities / max(entities - 1, 1e-9), entities - 1
        floor = every.second * float((share**2).sum())
        if variance < floor:
            variance, freedom = floor, max(freedom, every.freedom())
        freedom = min(freedom, shape_of([sums], float(np.abs(sums).max())).freedom()) if variance > floor else freedom
        return cls(name, variance, max(freedom, 1.0), entities, every.gains() * len(off) / every.rows)

    @property
    def too_little(self) -> str | None:
        """Why no interval can be given; None where one can."""
        if self.entities < LEAST_ENTITIES:
            needed = f"{LEAST_ENTITIES:.0f} of equal size are needed"
            return f"too few entities: those {self.name} are worth {self.entities:.1f}, {needed}"
        if self.gains < MIN_GAINS:
            needed = f"{MIN_GAINS:.0f} are needed"
            return f"too few gains: of those {self.name} about {self.gains:.0f} are expected, {needed}"
        return None


def effect_interval(value: np.ndarray, held: np.ndarray, weight: np.ndarray, owner: np.ndarray, days: int) -> Interval:
    """Return the effect a row with its interval.

    Parameters
    ----------
    value
        What each row earned.
    held
        Which rows were held out; whole entities are.
    weight
        The inverse of the probability of each row's group.
    owner
        The entity of each row.
    days
        Of how many days the rows are.
    """
    from scipy.special import stdtrit

    shares = [weight[mask] / weight[mask].sum() for mask in (~held, held)]
    means = [float((share * value[mask]).sum()) for share, mask in zip(shares, (~held, held), strict=True)]
    off = value - np.where(held, means[1], means[0])
    every = shape_of([off], float(np.abs(value).max()))
    groups = [
        _Group.of(name, off[mask], share, owner[mask], every)
        for name, mask, share in zip(("acted on", "held out"), (~held, held), shares, strict=True)
    ]
    figure, entities = means[0] - means[1], len(np.unique(owner))
    declined = next((group.too_little for group in groups if group.too_little), None)
    if declined is not None:
        return Interval(figure, None, None, days, declined=declined)
    whole = sum(group.variance for group in groups)
    spread = sum(group.variance**2 / group.freedom for group in groups)
    half = float(stdtrit(whole**2 / spread if spread > 0 else 1.0, (1 + LEVEL) / 2)) * whole**0.5
    least = min(group.entities for group in groups)
    repeated = entities < len(value)
    note = f"{least:.1f} entities of equal size in the smaller group: few to speak of others"
    return Interval(
        figure,
        figure - half,
        figure + half,
        days,
        entities=entities if repeated else None,
        effective_entities=sum(group.entities for group in groups) if repeated else None,
        note=note if least < FEW_ENTITIES else None,
    )

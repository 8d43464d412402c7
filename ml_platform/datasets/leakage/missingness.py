"""Features whose absence gives the label away: a missing aircraft is a cancelled flight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

CHANCE = 1e-6
"""How likely it may be, over all features of a snapshot together, that a limit of a share is wrong."""

LEAST_GAIN = 0.1
"""How far the share of a label must rise, where the value is missing, for a leak: less is no news about a label that
is common anyway."""


@dataclass(frozen=True)
class OneSided:
    """Rows without a value that all have one label.

    Attributes
    ----------
    share_elsewhere
        The share of that label among rows with a value.
    at_least
        The lower confidence limit of its share among rows without a value.
    elsewhere_at_most
        The upper confidence limit of its share among rows with a value.
    """

    rows: int
    label: object
    share_elsewhere: float
    at_least: float
    elsewhere_at_most: float

    @property
    def is_no_chance(self) -> bool:
        """Whether rows without a value have the label more often than others, chance aside."""
        return self.at_least > self.elsewhere_at_most

    @property
    def is_leak(self) -> bool:
        """Whether the label is also so much rarer elsewhere that a missing value shows what cannot be known."""
        return self.at_least - self.elsewhere_at_most >= LEAST_GAIN


def one_sided(feature: pd.Series, label: pd.Series, entity: np.ndarray, features: int = 1) -> OneSided | None:
    """Return the rows without a value where all of them have one label; None where they do not, or none is null.

    The limits are those of Clopper and Pearson (1934), for all features together (Bonferroni). Rows of one entity are
    no independent evidence: as many rows count as there are entities.

    Parameters
    ----------
    entity
        A number for the entity of each row.
    features
        How many features are looked at.
    """
    null = feature.isna().to_numpy()
    without, others = label[null], label[~null]
    if without.empty or others.empty or without.nunique() != 1:
        return None
    value, level = without.iloc[0], CHANCE / max(features, 1)
    share = float(np.mean((others == value).to_numpy(dtype=bool)))
    entities, elsewhere = len(np.unique(entity[null])), len(np.unique(entity[~null]))
    return OneSided(len(without), value, share, level ** (1 / entities), _upper_limit(share, elsewhere, level))


def _upper_limit(share: float, rows: int, level: float) -> float:
    """Return the upper limit of a share that was seen in so many rows."""
    from scipy.special import betaincinv

    hits = share * rows
    return 1.0 if share == 1 else float(betaincinv(hits + 1, rows - hits, 1 - level))

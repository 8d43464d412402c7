"""Features whose absence gives the label away: a missing aircraft is a cancelled flight."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

CHANCE = 1e-6
"""How likely it may be, over all features of a snapshot together, that one is named by chance."""


@dataclass(frozen=True)
class OneSided:
    """Rows without a value that all have one label.

    Attributes
    ----------
    log10_chance
        Of finding that by chance, as a power of ten.
    """

    rows: int
    label: object
    share_elsewhere: float
    log10_chance: float


def one_sided(feature: pd.Series, label: pd.Series) -> OneSided | None:
    """Return the rows without a value where all of them have one label; None where they do not, or none is null.

    Of n rows drawn without regard to the label, all have the label of share p with the probability p ** n (the
    binomial distribution at k = n: n rows, n hits). The share p is that among the rows with a value, where one row of
    that label and one of another are added (Laplace's rule of succession), so that it is never 0 or 1.
    """
    null = feature.isna().to_numpy()
    without, others = label[null], label[~null]
    if without.empty or others.empty or without.nunique() != 1:
        return None
    value = without.iloc[0]
    share = (int((others == value).sum()) + 1) / (len(others) + 2)
    chance = len(without) * math.log10(share)
    return OneSided(len(without), value, float(np.mean((others == value).to_numpy(dtype=bool))), chance)


def is_no_chance(found: OneSided, features: int) -> bool:
    """Return whether chance is ruled out when so many features are looked at (Bonferroni)."""
    return found.log10_chance <= math.log10(CHANCE / max(features, 1))

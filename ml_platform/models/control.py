"""Control rows: a random share of the entities gets the default action, so that the effect of acting can be measured.

Which entities they are follows from a hash of the model and the entity's key. It is the same for every version, at each
computation, in batch and online, and has nothing to do with features, scores, or the entities of a rollout.
"""

from __future__ import annotations

from collections.abc import Iterable

from ml_platform.core.hashing import content_id
from ml_platform.core.plain_values import one_zero, plain_value

CONTROL, PROPENSITY = "control", "propensity"
"""Columns: whether a row is held out, and the probability with which it was put where it is."""


def is_control(model: str, key: Iterable[object], share: float) -> bool:
    """Return whether an entity is held out.

    Parameters
    ----------
    key
        The values of the entity's key columns.
    share
        Of the entities that are held out.

    >>> sum(is_control("churn", [number], 0.1) for number in range(10_000))
    993
    """
    digest = content_id([CONTROL, model, *(one_zero(plain_value(value)) for value in key)])
    return int(digest[:13], 16) / 16**13 < share


def propensity(share: float, *, control: bool) -> float:
    """Return the probability of being held out, or of not being it."""
    return share if control else 1 - share

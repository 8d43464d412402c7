"""What an interval rests on, in words."""

from __future__ import annotations

from ml_platform.core.formatting import amount_text, counted
from ml_platform.storage.artifact_kinds.figures import IntervalBasis


def basis_text(basis: IntervalBasis) -> str:
    """Return the days and entities of an interval, with how many independent ones would know as much.

    >>> basis_text(IntervalBasis(days=14, effective_days=6.24))
    '14 days (worth 6.2 independent ones)'
    """
    days = basis.days or 0
    text = f"{counted(days, 'day')}{_worth(days, basis.effective_days)}"
    if basis.entities is None:
        return text
    entities = counted(basis.entities, "entity", "entities")
    return f"{text}, {entities}{_worth(basis.entities, basis.effective_entities)}"


def from_text(basis: IntervalBasis | None) -> str:
    """Return the same as the end of a sentence; nothing where it is not known."""
    return f" from {basis_text(basis)}" if basis and basis.days is not None else ""


def interval_text(low: float | None, high: float | None, basis: IntervalBasis) -> str:
    """Return an interval of an amount with what it rests on, or why there is none.

    >>> interval_text(-1200, 3400, IntervalBasis(days=14, effective_days=14))
    '95 % interval −1,200 to 3,400 from 14 days'
    >>> interval_text(None, None, IntervalBasis(days=3, declined="too few days: 3, at least 4 are needed"))
    'too few days: 3, at least 4 are needed'
    """
    if low is None or high is None:
        return str(basis.declined)
    places = 0 if max(abs(low), abs(high)) >= 100 else 2
    note = f"; {basis.note}" if basis.note else ""
    ends = f"{amount_text(low, places=places)} to {amount_text(high, places=places)}"
    return f"95 % interval {ends}{from_text(basis)}{note}"


def _worth(number: int, effective: float | None) -> str:
    """Return what a number of clusters is worth, where that is less."""
    if effective is None or effective > 0.95 * number:
        return ""
    return f" (worth {effective:,.1f} independent ones)" if effective < 100 else f" (worth {effective:,.0f})"

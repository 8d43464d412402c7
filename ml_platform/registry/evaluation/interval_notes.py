"""What to know before believing an interval of money that is given: where it may be right in other than 95 %."""

from __future__ import annotations

from collections.abc import Iterator

FEW_DAYS = 14
ENOUGH_DAYS = 90
"""From here on intervals hold the truth in 93 to 97 % of simulated tests whose days are correlated."""
WIDE_OVERLAP = 4.0
"""Where labels span fewer days, many rows a day do not spoil the coverage of intervals from 90 days."""
FEW_ENTITIES = 10.0


def notes_on_days(days: int, overlap: float, *, with_history: bool) -> Iterator[str]:
    """Yield what a number of days cannot show, and that labels of several days overlap.

    Parameters
    ----------
    overlap
        How many of these days a label spans.
    with_history
        Whether earlier days show how strongly days are correlated.
    """
    if days < FEW_DAYS and not with_history:
        yield f"wide on purpose: {days} days cannot show whether luck persists from day to day"
    elif days < ENOUGH_DAYS:
        share = "92 to 100" if with_history else "89 to 100"
        yield (
            f"approximate: fewer than {ENOUGH_DAYS} days hardly show how long luck persists, and intervals held "
            f"the truth in {share} % of simulated tests"
        )
    if overlap >= WIDE_OVERLAP:
        yield f"approximate: a label spans {overlap:.3g} of the days, which share their luck"


def notes_on_entities(variance: float, effective: float) -> Iterator[str]:
    """Yield that few entities speak for all, where repeated entities add to the variance."""
    if variance > 0 and effective < FEW_ENTITIES:
        yield f"{effective:.1f} entities of equal size know as much: few to speak of others"

"""Figures that several kinds of artifacts hold: intervals, and what they rest on."""

from __future__ import annotations

from ml_platform.storage.artifact_kinds.kind import Part

Number = float | int
"""A figure as it was computed: a whole one stays whole in JSON."""


class IntervalBasis(Part):
    """What an interval rests on.

    Attributes
    ----------
    days, effective_days
        The days, and how many independent days of equal size would know as much.
    entities, effective_entities
        The same of entities that are asked about more than once; None where none is, or where they do not count.
    note
        What to know about the interval.
    declined
        Why there is none.
    """

    days: int | None = None
    effective_days: Number | None = None
    entities: int | None = None
    effective_entities: Number | None = None
    note: str | None = None
    declined: str | None = None


class BasedInterval(IntervalBasis):
    """A 95 % interval with what it rests on; `low` and `high` are None where it is declined."""

    low: Number | None = None
    high: Number | None = None


class BasedFigure(BasedInterval):
    """A figure with its 95 % interval, and what that rests on."""

    figure: Number


class MeasuredEffect(BasedInterval):
    """What acting changed, in all, against rows that were held out at random.

    Attributes
    ----------
    figure
        The effect on the rows that were acted on; None where a group has too few rows.
    acted, held_out
        Rows on which the model wanted to act, and rows of them that were held out.
    """

    acted: int
    held_out: int
    figure: Number | None

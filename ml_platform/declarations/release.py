"""The declaration of release rules: how sure it must be that a challenger earns more than each of its opponents.

Every rule also needs 14 test days, an interval that can be given, and a challenger that earned more than doing nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from ml_platform.declarations.types import Declaration

DAYS_NEEDED = 14
"""Fewer test days cannot show whether the luck of days persists (see docs/explanation/statistics.md)."""
IGNORE: Final = "ignore"
"""Written in the place of a confidence: the opponent does not count."""


def _confidence(value: Any) -> float | str:
    if value == IGNORE or (isinstance(value, int | float) and not isinstance(value, bool) and 0.5 <= value < 1):
        return IGNORE if value == IGNORE else float(value)
    raise ValueError(f"must be from 0.5 up to below 1, or {IGNORE}, found {value!r}. Write a probability such as 0.9")


Confidence = Annotated[
    float | Literal["ignore"],
    PlainValidator(_confidence),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0.5, "exclusiveMaximum": 1}, {"const": IGNORE}]}),
]
"""The probability of earning more that a challenger must reach on the test days."""


class FirstRelease(Declaration):
    """What a first version must show: to earn more than doing nothing, and than each baseline."""

    do_nothing: Confidence = Field(
        0.95,
        description="How sure it must be that the version earns more than doing nothing, or ignore.",
        examples=[0.9],
    )
    baselines: Confidence = Field(
        0.8,
        description="How sure it must be that the version earns more than each baseline, or ignore.",
        examples=["ignore"],
    )


class ChangedRelease(Declaration):
    """What a version of a changed declaration must show: to earn more than the champion, and than doing nothing."""

    champion: Confidence = Field(
        0.9, description="How sure it must be that the version earns more than the champion, or ignore.", examples=[0.8]
    )
    do_nothing: Confidence = Field(
        0.9,
        description="How sure it must be that the version earns more than doing nothing, or ignore.",
        examples=[0.95],
    )


class RefreshRelease(Declaration):
    """What a version of the same declaration must show: to be about as good as the champion, and above the anchor."""

    champion: Confidence = Field(
        0.5,
        description="How sure it must be that the version earns at most margin less than the champion, or ignore.",
        examples=[0.6],
    )
    margin: float = Field(
        0.02,
        ge=0.0,
        lt=1.0,
        description="How much less than the champion it may earn, as a share of the champion's gain over doing "
        "nothing.",
        examples=[0.05],
    )
    anchor: Confidence = Field(
        0.9,
        description="How sure it must be that the version earns more than the anchor, or ignore. The "
        "anchor is the last version that earned more than the anchor before it with probability 0.99.",
        examples=["ignore"],
    )


class Release(Declaration):
    """The rule for a first version, for a changed declaration, and for a refresh of the same one."""

    first: FirstRelease = Field(
        FirstRelease(), description="The rule for a model that has no champion.", examples=[{"do_nothing": 0.9}]
    )
    changed_declaration: ChangedRelease = Field(
        ChangedRelease(),
        description="The rule for a version whose declaration differs from the champion's.",
        examples=[{"champion": 0.8}],
    )
    refresh: RefreshRelease = Field(
        RefreshRelease(),
        description="The rule for a version of the champion's declaration on newer data.",
        examples=[{"margin": 0.05}],
    )

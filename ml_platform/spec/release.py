"""The declaration of release rules: how sure it must be that a challenger earns more than each of its opponents.

Every rule also needs 14 test days, an interval that can be given, and a challenger that earned more than doing nothing.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ml_platform.spec.types import Declaration

DAYS_NEEDED = 14
"""Fewer test days cannot show whether the luck of days persists (see docs/statistics.md)."""
Confidence = Annotated[float, Field(ge=0.5, lt=1.0)]
"""The probability of earning more that a challenger must reach on the test days. Null: the opponent does not count."""


class FirstRelease(Declaration):
    """What a first version must show: to earn more than doing nothing, and than each baseline."""

    do_nothing: Confidence | None = 0.95
    baselines: Confidence | None = 0.8


class ChangedRelease(Declaration):
    """What a version of a changed declaration must show: to earn more than the champion, and than doing nothing."""

    champion: Confidence | None = 0.9
    do_nothing: Confidence | None = 0.9


class RefreshRelease(Declaration):
    """What a version of the same declaration must show: to be about as good as the champion, and above the anchor."""

    champion: Confidence | None = 0.5
    margin: float = Field(
        0.02,
        ge=0.0,
        lt=1.0,
        description="What it may earn less than the champion, as a share of the champion's gain over doing nothing",
    )
    anchor: Confidence | None = Field(
        0.9, description="The anchor is the last version that earned more than the anchor before it with 0.99"
    )


class Release(Declaration):
    """The rule for a first version, for a changed declaration, and for a refresh of the same one."""

    first: FirstRelease = FirstRelease()
    changed_declaration: ChangedRelease = ChangedRelease()
    refresh: RefreshRelease = RefreshRelease()

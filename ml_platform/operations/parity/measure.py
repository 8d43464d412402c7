"""Parity of a model: drawn rows of the online store, and logged requests of some days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ml_platform.models.predictor import load_predictor
from ml_platform.operations.parity.difference import Difference, shown
from ml_platform.operations.parity.drawn import DrawnParity, compare_drawn
from ml_platform.operations.parity.requests import RequestParity, compare_requests
from ml_platform.project import Project
from ml_platform.storage.manifest import Artifact

DRAWN_ROWS = 300
"""So many entities of the online store are drawn."""


@dataclass(frozen=True)
class Parity:
    """What was compared, and what differs.

    Attributes
    ----------
    days
        UTC days whose logged requests were recomputed.
    """

    model: str
    days: tuple[date, ...]
    drawn: DrawnParity
    requests: RequestParity

    @property
    def differing(self) -> int:
        """How many rows differ."""
        return self.drawn.compared.differing + self.requests.compared.differing

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The first differences: of logged requests, then of drawn rows."""
        return (*self.requests.compared.differences, *self.drawn.compared.differences)

    @property
    def text(self) -> str:
        """What was compared, in a sentence."""
        return parity_text(
            self.requests.compared.rows,
            self.requests.logged,
            self.drawn.compared.rows,
            self.drawn.without_history,
            self.differing,
        )


def parity_text(rows: int, logged: int, drawn: int, without_history: int, differing: int) -> str:
    """Return what was compared and how many rows differ, in a sentence.

    >>> parity_text(5000, 81234, 304, 4, 0)
    '5,000 of 81,234 logged requests (drawn by hash of the prediction id) and 304 rows of the online store (4 without \
history) compared: every bit agrees.'
    """
    sample = f"{rows:,} of {logged:,} logged requests (drawn by hash of the prediction id)"
    requests = sample if rows < logged else f"{logged:,} logged requests"
    total = rows + drawn
    outcome = f"{differing:,} of {total:,} rows differ" if differing else "every bit agrees"
    return (
        f"{requests} and {drawn:,} rows of the online store ({without_history:,} without history) compared: {outcome}."
    )


def measure_parity(
    project: Project, model: str, trained: Artifact, days: Sequence[date], size: int, now: datetime
) -> Parity:
    """Compare logged requests of some days, and drawn rows as a trained model answers them.

    Parameters
    ----------
    trained
        The trained model that drawn rows are predicted with; each request is predicted with its own.
    size
        The most requests that are compared.

    Raises
    ------
    OnlineStoreUnavailable, ArtifactMissing, ArtifactDamaged
    """
    requests = compare_requests(project, model, days, size)
    drawn = compare_drawn(project, model, load_predictor(project, trained), DRAWN_ROWS, now)
    return Parity(model, tuple(days), drawn, requests)


def newest_days(now: datetime) -> tuple[date, ...]:
    """Return yesterday and today, in UTC."""
    today = now.astimezone(UTC).date()
    return today - timedelta(days=1), today


def difference_facts(difference: Difference) -> dict[str, str]:
    """Return a difference as texts, both values with all their digits."""
    return {
        "row": difference.row,
        "column": difference.column,
        "served": shown(difference.served),
        "recomputed": shown(difference.recomputed),
        "note": difference.note,
    }

"""The content of a plan, as plain facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from ml_platform.core.hashing import format_instant

Verdict = Literal["up to date", "would run", "may run", "blocked"]
"""``may run`` where it depends on the nodes before it; ``blocked`` where a run would end before it, or at it."""

CONSEQUENCE = ", which may change it"
"""The end of a reason that only names the steps that come before: no cause of its own."""


@dataclass(frozen=True)
class Planned:
    """What a run would do about one node.

    Attributes
    ----------
    id
        The artifact that the node would end with; None where only running shows it.
    reasons
        Why, in words; none where it is up to date, but for a deployment that keeps the champion.
    duration
        About how long; None where it was never made before. Nothing for what would not run.
    """

    node: str
    kind: str
    verdict: Verdict
    id: str | None
    reasons: tuple[str, ...] = ()
    duration: timedelta | None = timedelta(0)

    @property
    def causes(self) -> tuple[str, ...]:
        """The reasons that do not follow from another step of the plan."""
        return tuple(reason for reason in self.reasons if not reason.endswith(CONSEQUENCE))

    def as_json(self) -> dict[str, Any]:
        """Return the node's part of the plan in JSON types."""
        return {
            "node": self.node,
            "kind": self.kind,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "seconds": None if self.duration is None else round(self.duration.total_seconds(), 3),
            "id": self.id,
        }


@dataclass(frozen=True)
class Plan:
    """What a run of a whole project at `now` would do, each node after its inputs."""

    project: str
    now: datetime
    nodes: tuple[Planned, ...]

    def having(self, verdict: Verdict) -> tuple[Planned, ...]:
        """Return the nodes with one verdict, in order."""
        return tuple(node for node in self.nodes if node.verdict == verdict)

    def as_json(self) -> dict[str, Any]:
        """Return the plan in JSON types."""
        would, may = self.having("would run"), self.having("may run")
        return {
            "project": self.project,
            "now": format_instant(self.now),
            "nodes": [node.as_json() for node in self.nodes],
            "would_run_seconds": round(known_duration(would).total_seconds(), 3),
            "may_run_seconds": round(known_duration(may).total_seconds(), 3),
            "never_made_before": unknown_durations([*would, *may]),
        }


def known_duration(nodes: Sequence[Planned]) -> timedelta:
    """Return how long nodes take together, as far as that is known."""
    return sum((node.duration for node in nodes if node.duration is not None), timedelta(0))


def unknown_durations(nodes: Sequence[Planned]) -> list[str]:
    """Return the names of the nodes whose duration is unknown."""
    return [node.node for node in nodes if node.duration is None]

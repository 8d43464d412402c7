"""Rows that production would have asked about and that got no prediction in time: how many, why, and when to alert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from ml_platform.datasets.exclusions import (
    ASKED_TWICE,
    BY_DECLARATION,
    EXCLUSIONS,
    MISSED,
    NO_CONDITION,
    NO_KEY,
    NO_TIME,
    reason_counts,
)
from ml_platform.operations.alerts import Alert
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.predictions import PredictionsManifest
from ml_platform.storage.prediction_log import KIND, LoggedDay, logged_days, read_day

_LATE = "Let deployment.batch of MODEL run after its rows are ingested."
_IN_SOURCE = "Correct rows without a key or a time in their source."
_STEPS: Mapping[str, str] = {
    MISSED: f"{_LATE[:-1]}, or declare deployment: {{late_rows: score}}.",
    ASKED_TWICE: "Let the source of the population have one row for each entity and batch run.",
    NO_KEY: _IN_SOURCE,
    NO_TIME: _IN_SOURCE,
    NO_CONDITION: "Write population.where of MODEL so that a null has an answer, such as coalesce(amount, 0) > 10.",
}
"""What to do about rows that got no prediction in time, by reason."""


@dataclass(frozen=True)
class Missed:
    """What became of the rows of a model's population in a monitoring window of whole UTC days.

    Attributes
    ----------
    in_time
        Rows with a prediction from their own batch run; predictions of the service are none of them.
    late
        Rows that became known after their batch run and were scored at a later one.
    excluded
        Rows without a prediction, by reason (`ml_platform.datasets.exclusions.EXCLUSIONS`).
    """

    start: date
    end: date
    in_time: int
    late: int
    excluded: Mapping[str, int]

    @property
    def share(self) -> float:
        """The share of rows that got no prediction in time; 0 where there are no rows.

        Rows that the declaration itself leaves out are none of them.
        """
        missed = self.late + sum(count for reason, count in self.excluded.items() if reason not in BY_DECLARATION)
        rows = self.in_time + missed
        return missed / rows if rows else 0.0

    @property
    def reasons(self) -> tuple[str, ...]:
        """How many rows got no prediction in time for which reason, in words."""
        scored = [f"{self.late:,} scored late"] if self.late else []
        return (*scored, *self._counts(by_declaration=False))

    @property
    def as_declared(self) -> tuple[str, ...]:
        """About how many rows the declaration asks for no prediction, in words."""
        return tuple(self._counts(by_declaration=True))

    def _counts(self, *, by_declaration: bool) -> Iterator[str]:
        for reason, count in self.excluded.items():
            if count and (reason in BY_DECLARATION) == by_declaration:
                yield f"{count:,} {EXCLUSIONS[reason]}"


def missed_rows(project: Project, model_name: str, now: datetime) -> Missed | None:
    """Return what became of the rows of the newest monitoring window; None where no day of it is logged."""
    first = (now - project.spec.models[model_name].monitoring.window).astimezone(UTC).date()
    last = now.astimezone(UTC).date()
    days = [logged for logged in logged_days(project, model_name) if first <= logged.day <= last]
    if not days:
        return None
    states = [PredictionsManifest.of(project.store.get(KIND, logged.artifact)) for logged in days]
    reasons: Counter[str] = Counter()
    for about in states:
        reasons.update(about.excluded)
    late = sum(about.late for about in states)
    rows = sum(about.rows for about in states)
    if project.spec.models[model_name].deployment.online is not None:
        rows -= sum(_rows_of_requests(project, logged) for logged in days)
    return Missed(days[0].day, days[-1].day, rows - late, late, reason_counts(reasons))


def _rows_of_requests(project: Project, logged: LoggedDay) -> int:
    """Return how many predictions of a day the service made: no row of the population waited for them."""
    from ml_platform.operations.predictions.compact_online import ONLINE

    return sum(len(table) for table in read_day(project, logged, [ONLINE]) if ONLINE in table.column_names)


def missed_alert(project: Project, model_name: str, now: datetime) -> Alert | None:
    """Return the alert of a model whose share of rows without a prediction in time is above its declared limit.

    Its key is the day: one alert a day at most.
    """
    limit = project.spec.models[model_name].deployment.max_missed_share
    missed = missed_rows(project, model_name, now)
    if missed is None or missed.share <= limit:
        return None
    return Alert(
        key=f"missed.{model_name}.{now:%Y-%m-%d}",
        title=f"{model_name}: {missed.share:.1%} of the rows got no prediction in time",
        body=f"From {missed.start} to {missed.end}: {', '.join(missed.reasons)}; {missed.in_time:,} rows in time.",
        severity="ticket",
        model=model_name,
        facts={
            "share": missed.share,
            "limit": limit,
            **missed.excluded,
            "late": missed.late,
            "in_time": missed.in_time,
        },
        next_step=missed_next_step(model_name, missed),
    )


def missed_next_step(model_name: str, missed: Missed) -> str:
    """Return what to do about the reasons that there are."""
    reasons = [reason for reason, count in missed.excluded.items() if count]
    steps = [_STEPS[reason] for reason in reasons if reason in _STEPS]
    if missed.late and MISSED not in reasons:
        steps.insert(0, _LATE)
    return " ".join(dict.fromkeys(steps)).replace("MODEL", f"models/{model_name}.yaml")

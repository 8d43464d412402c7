"""What is due: ticks of a schedule, days to score, retraining after drift.

Everything here is a pure function of instants. Sensors and schedules in `jobs/` call these functions, and request the
runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ml_platform.core.clock import Schedule, format_duration
from ml_platform.core.formatting import instant_text
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.in_production import Retraining

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Due:
    """A tick of a schedule that asks for one run.

    Attributes
    ----------
    key
        Names the tick, such as ``score_late_parcel:2024-03-01T10:00:00.000000Z``: one run for each key.
    """

    tick: datetime
    key: str


def due_tick(name: str, schedule: Schedule, since: datetime, now: datetime) -> Due | None:
    """Return the newest tick in ``(since, now]``, or None where there is none.

    A clock that jumps over many ticks asks for one run, not for one each: a run does all that is due by then.

    >>> from datetime import datetime, UTC
    >>> hourly = Schedule("0 * * * * UTC")
    >>> due_tick("refresh", hourly, datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 1, 5, 30, tzinfo=UTC)).key
    'refresh:2024-03-01T05:00:00.000000Z'
    """
    tick = schedule.last(now)
    return Due(tick, f"{name}:{format_instant(tick)}") if tick > since else None


def day_of(instant: datetime) -> date:
    """Return the UTC day that holds an instant."""
    return instant.astimezone(UTC).date()


def champion_days(first_deployed: datetime | None, now: datetime) -> tuple[date, ...]:
    """Return the days, in order, on which a model has had a champion; today alone before the first deployment."""
    first = min(day_of(first_deployed), day_of(now)) if first_deployed else day_of(now)
    return tuple(first + _DAY * count for count in range((day_of(now) - first).days + 1))


def days_to_score(first_deployed: datetime | None, scored: Mapping[date, datetime], now: datetime) -> tuple[date, ...]:
    """Return the days, in order, whose predictions are not complete.

    Parameters
    ----------
    scored
        For each day, the instant up to which its sources had been read when it was scored last. A day is complete
        where that is after its end.
        Today never is.
    """
    return tuple(day for day in champion_days(first_deployed, now) if day not in scored or scored[day] < _end_of(day))


def _end_of(day: date) -> datetime:
    return datetime.combine(day + _DAY, time(), UTC)


def training_as_of(retraining: Retraining, now: datetime, last: datetime | None, *, forced: bool) -> datetime:
    """Return the instant as of which a snapshot is made.

    A run without a request to retrain makes a new snapshot only after a tick of the retraining schedule. Between ticks
    it keeps the last snapshot, so that a second run changes nothing.

    Parameters
    ----------
    last
        As of when the last snapshot was made; None before the first.
    forced
        Whether a retraining was asked for: by a person, a finding of drift, or the schedule itself.
    """
    if forced or last is None:
        return now.replace(second=0, microsecond=0)
    return max(retraining.schedule.last(now), last) if retraining.schedule else last


@dataclass(frozen=True)
class RetrainingDecision:
    """Whether a finding asks for a retraining run now, and why or why not."""

    due: bool
    reason: str


def retraining_after_drift(
    retraining: Retraining, seen_at: datetime, last_trained: datetime | None, now: datetime
) -> RetrainingDecision:
    """Decide whether drift that was found asks for a retraining run now.

    Parameters
    ----------
    seen_at
        When drift was last seen.
    last_trained
        When the model's newest version was made, whether it was deployed or not; None before the first.
    """
    if "drift" not in retraining.on:
        return RetrainingDecision(False, "the model does not declare retraining on drift")
    if last_trained is None:
        return RetrainingDecision(True, "the model was never trained")
    if retraining.cooldown is not None and now < last_trained + retraining.cooldown:
        until = instant_text(last_trained + retraining.cooldown)
        return RetrainingDecision(False, f"cooldown of {format_duration(retraining.cooldown)} ends at {until}")
    if seen_at < last_trained:
        reason = f"a version was trained after drift was last seen, at {instant_text(last_trained)}"
        return RetrainingDecision(False, reason)
    return RetrainingDecision(True, "drift was found")


def retraining_request(retraining: Retraining, finding: str, opened_at: datetime, seen_at: datetime) -> str:
    """Return the key of the retraining that an open finding asks for: one each cooldown while drift is seen.

    A first retraining may not have helped: its version was not deployed, or the run failed.
    """
    if retraining.cooldown is None or seen_at - opened_at < retraining.cooldown:
        return finding
    return f"{finding}.{(seen_at - opened_at) // retraining.cooldown}"

"""What is due is a pure function of instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from ml_platform.core.clock import Schedule
from ml_platform.declarations.in_production import Retraining
from ml_platform.operations.scheduling import (
    champion_days,
    days_to_score,
    due_tick,
    retraining_after_drift,
    retraining_request,
    training_as_of,
)

MONDAYS = Schedule("0 3 * * 1 UTC")
START = datetime(2024, 3, 1, tzinfo=UTC)  # a Friday


def test_no_tick_is_due_before_the_first_one() -> None:
    assert due_tick("m", MONDAYS, START, START + timedelta(days=2)) is None


def test_a_tick_is_due_at_its_instant() -> None:
    monday = datetime(2024, 3, 4, 3, tzinfo=UTC)
    due = due_tick("m", MONDAYS, START, monday)
    assert due is not None
    assert (due.tick, due.key) == (monday, "m:2024-03-04T03:00:00.000000Z")


def test_a_tick_at_the_start_itself_is_not_due() -> None:
    assert due_tick("m", Schedule("0 0 * * * UTC"), START, START) is None


def test_a_clock_that_jumps_over_three_ticks_asks_for_the_newest_only() -> None:
    due = due_tick("m", MONDAYS, START, datetime(2024, 3, 20, tzinfo=UTC))
    assert due is not None
    assert due.tick == datetime(2024, 3, 18, 3, tzinfo=UTC)


def test_the_same_tick_has_the_same_key_however_often_it_is_asked_for() -> None:
    asked = [due_tick("m", MONDAYS, START, datetime(2024, 3, 4, 3, minute, tzinfo=UTC)) for minute in (0, 1, 59)]
    assert {due.key for due in asked if due} == {"m:2024-03-04T03:00:00.000000Z"}


def test_a_tick_follows_the_zone_through_daylight_saving() -> None:
    berlin = Schedule("0 3 * * * Europe/Berlin")
    winter = due_tick("m", berlin, START, datetime(2024, 3, 30, 12, tzinfo=UTC))
    summer = due_tick("m", berlin, START, datetime(2024, 4, 1, 12, tzinfo=UTC))
    assert winter is not None
    assert summer is not None
    assert (winter.tick.hour, summer.tick.hour) == (2, 1)


def test_before_the_first_deployment_only_today_counts() -> None:
    assert champion_days(None, START) == (date(2024, 3, 1),)


def test_every_day_since_the_first_deployment_counts() -> None:
    assert champion_days(START + timedelta(hours=9), START + timedelta(days=2, hours=1)) == (
        date(2024, 3, 1),
        date(2024, 3, 2),
        date(2024, 3, 3),
    )


def test_a_day_is_rescored_until_it_was_scored_after_its_end() -> None:
    now = datetime(2024, 3, 4, 6, tzinfo=UTC)
    scored = {
        date(2024, 3, 1): datetime(2024, 3, 2, tzinfo=UTC),  # at its end: complete
        date(2024, 3, 2): datetime(2024, 3, 2, 23, 59, tzinfo=UTC),  # a minute too early
        date(2024, 3, 4): now,  # today
    }
    assert days_to_score(START, scored, now) == (date(2024, 3, 2), date(2024, 3, 3), date(2024, 3, 4))


WEEKLY = Retraining(schedule=Schedule("0 3 * * 1 UTC"))


def test_the_first_snapshot_is_made_as_of_now() -> None:
    now = datetime(2024, 3, 6, 17, 3, 1, tzinfo=UTC)
    assert training_as_of(WEEKLY, now, None, forced=False) == datetime(2024, 3, 6, 17, 3, tzinfo=UTC)


def test_between_two_ticks_of_the_schedule_the_last_snapshot_is_kept() -> None:
    wednesday, sunday = datetime(2024, 3, 6, 17, tzinfo=UTC), datetime(2024, 3, 10, 23, tzinfo=UTC)
    assert training_as_of(WEEKLY, sunday, wednesday, forced=False) == wednesday
    assert training_as_of(Retraining(), sunday, wednesday, forced=False) == wednesday


def test_after_a_tick_a_snapshot_is_made_as_of_the_tick() -> None:
    wednesday, tuesday = datetime(2024, 3, 6, 17, tzinfo=UTC), datetime(2024, 3, 12, 9, tzinfo=UTC)
    assert training_as_of(WEEKLY, tuesday, wednesday, forced=False) == datetime(2024, 3, 11, 3, tzinfo=UTC)


def test_a_retraining_that_is_asked_for_is_made_as_of_now() -> None:
    last, now = datetime(2024, 3, 6, 17, tzinfo=UTC), datetime(2024, 3, 7, tzinfo=UTC)
    assert training_as_of(WEEKLY, now, last, forced=True) == now


DRIFTED_AT = datetime(2024, 3, 10, tzinfo=UTC)
WATCHED = Retraining.model_validate({"on": ["drift"], "cooldown": "3d"})


@pytest.mark.parametrize(
    ("retraining", "last_trained", "now", "due", "reason"),
    [
        (Retraining(), None, DRIFTED_AT, False, "the model does not declare retraining on drift"),
        (WATCHED, None, DRIFTED_AT, True, "the model was never trained"),
        (WATCHED, datetime(2024, 3, 1, tzinfo=UTC), DRIFTED_AT, True, "drift was found"),
        (
            WATCHED,
            datetime(2024, 3, 8, tzinfo=UTC),
            DRIFTED_AT,
            False,
            "cooldown of 3d ends at 2024-03-11 00:00 UTC",
        ),
        (WATCHED, datetime(2024, 3, 8, tzinfo=UTC), datetime(2024, 3, 11, tzinfo=UTC), True, "drift was found"),
        (
            WATCHED,
            datetime(2024, 3, 11, tzinfo=UTC),
            datetime(2024, 3, 20, tzinfo=UTC),
            False,
            "a version was trained after drift was last seen, at 2024-03-11 00:00 UTC",
        ),
    ],
)
def test_drift_asks_for_retraining_once_the_cooldown_is_over(
    retraining: Retraining, last_trained: datetime | None, now: datetime, due: bool, reason: str
) -> None:
    decision = retraining_after_drift(retraining, DRIFTED_AT, last_trained, now)
    assert (decision.due, decision.reason) == (due, reason)


def test_drift_that_outlives_a_retraining_is_reported_once_each_cooldown_while_it_is_seen() -> None:
    weekly = Retraining.model_validate({"on": ["drift"], "cooldown": "2d"})
    keys = [retraining_request(weekly, "f", START, START + timedelta(hours=hours)) for hours in (0, 47, 48, 95, 96)]
    assert keys == ["f", "f", "f.1", "f.1", "f.2"]
    without = Retraining.model_validate({"on": ["drift"]})
    assert retraining_request(without, "f", START, START + timedelta(days=400)) == "f"

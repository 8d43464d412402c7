"""A model that asks for fresher features than it can have is told the path, the age, and what is nearest."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

from pathlib import Path

import pytest

from ml_platform.declarations.load.load import load_project
from tests.declarations.ferry import SHIP_RECENT, edit, faults

ASKED = "task: binary\n"
PATH = "sources/arrivals (known 10m after) -> features/ship_recent (refresh 1h, published 5m after the tick)"
BATCH = "late/predictions (batch 0 * * * * Europe/Oslo, up to 1h apart)"
FAST = SHIP_RECENT.replace("ship_recent", "ship_now").replace("1h", "10m").replace("5m", "1m").replace("[7d]", "[2d]")


@pytest.fixture
def punctual(ferry: Path) -> Path:
    """The ferry, whose arrivals are known ten minutes after."""
    edit(ferry, "sources/arrivals.yaml", "{column: logged_at}", "{delay: 10m}")
    return ferry


def ask(directory: Path, limit: str) -> None:
    edit(directory, "models/late.yaml", ASKED, f"{ASKED}max_feature_age: {limit}\n")


def test_what_can_be_had_is_valid(punctual: Path) -> None:
    # The batch of the full hour reads the tick of the hour before: 10 min + 1 h + 1 h until the next run.
    ask(punctual, "130m")
    load_project(punctual, {})


def test_features_that_can_be_older_are_refused_with_path_age_and_remedies(punctual: Path) -> None:
    ask(punctual, "129m")
    assert faults(punctual) == [
        f"models/late.yaml:6:18: max_feature_age: ship_recent can be too old: {PATH} -> {BATCH} -> up to 2h10m, and 2h9m is asked for. "
        "Refresh ship_recent every 30m, or run batch every 30m."
    ]


def test_the_nearest_alternative_is_a_fresher_table_of_the_same_entity(punctual: Path) -> None:
    (punctual / "features/ship_now.yaml").write_text(FAST)
    ask(punctual, "90m")
    assert faults(punctual) == [
        f"models/late.yaml:6:18: max_feature_age: ship_recent can be too old: {PATH} -> {BATCH} -> up to 2h10m, and 1h30m is asked for. "
        "Take ship_now.trips_1d (up to 1h20m), or refresh ship_recent every 20m, or run batch every 20m."
    ]


def test_where_nothing_is_fresher_the_least_that_can_be_asked_for_is_named(punctual: Path) -> None:
    ask(punctual, "10m")
    assert faults(punctual) == [
        f"models/late.yaml:6:18: max_feature_age: ship_recent can be too old: {PATH} -> {BATCH} -> up to 2h10m, and 10m is asked for. "
        "Nothing is fresher: ask for 130m."
    ]


def test_the_most_exact_limit_holds(punctual: Path) -> None:
    ask(punctual, '{"*": 1h, ship_recent: 1d, ship_recent.trips_1d: 2h}')
    assert faults(punctual) == [
        f"models/late.yaml:6:67: max_feature_age.ship_recent.trips_1d: ship_recent can be too old: {PATH} -> {BATCH} -> up to 2h10m, and 2h is asked for. "
        "Refresh ship_recent every 30m, or run batch every 30m."
    ]


def test_a_join_is_as_old_as_the_table_that_it_joins(punctual: Path) -> None:
    joins = "joins: {vessel: {table: ship_recent, keys: {ship: ship}}}\n"
    edit(punctual, "models/late.yaml", ASKED, f"{ASKED}{joins}")
    edit(punctual, "models/late.yaml", "trips.cars]", "vessel.trips_1d]")
    ask(punctual, "{vessel: 2h, ship_recent: 1d}")
    assert [fault.partition(" can be")[0] for fault in faults(punctual)] == [
        "models/late.yaml:6:27: max_feature_age.vessel: ship_recent"
    ]


def test_what_has_no_declared_delay_is_held_by_what_is_declared(ferry: Path) -> None:
    ask(ferry, "2h")
    load_project(ferry, {})
    edit(ferry, "models/late.yaml", "max_feature_age: 2h", "max_feature_age: 119m")
    assert faults(ferry) == [
        "models/late.yaml:6:18: max_feature_age: ship_recent can be too old: sources/arrivals (known at its column logged_at) -> "
        f"features/ship_recent (refresh 1h, published 5m after the tick) -> {BATCH} -> at least 2h, and 1h59m is asked for. "
        "Refresh ship_recent every 30m, or run batch every 30m."
    ]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (
            "soon",
            "6:18: max_feature_age: 'soon' is not a duration. Write a number and a unit (w, d, h, m, s, us), such as 30d.",
        ),
        ("0h", "6:18: max_feature_age must be positive, found 0d. Give a span of time such as 30d."),
        (
            "{ship_recent: -1h}",
            "6:32: max_feature_age.ship_recent must be positive, found -1h. Give a span of time such as 30d.",
        ),
        (
            "{ship_recnt: 3h}",
            "6:31: max_feature_age.ship_recnt: ship_recnt is no feature table of this model, and no column of one. Did you mean ship_recent?",
        ),
        (
            "{trips.cars: 3h}",
            "6:31: max_feature_age.trips.cars: trips.cars is no feature table of this model, and no column of one. Known: ship_recent, ship_recent.last_pier_ever, ship_recent.mean_late_7d, ship_recent.trips_1d, ship_recent.trips_7d.",
        ),
    ],
)
def test_a_limit_that_cannot_be_read_is_reported(ferry: Path, limit: str, expected: str) -> None:
    ask(ferry, limit)
    assert faults(ferry) == [f"models/late.yaml:{expected}"]


def test_rows_that_are_known_only_after_their_prediction_time_are_refused(ferry: Path) -> None:
    edit(ferry, "models/late.yaml", "departs_at - 2h", "departs_at - 2h - 2d + 10m")
    edit(ferry, "models/delay.yaml", "departs_at - 2h", "departs_at - 2d")
    assert faults(ferry) == [
        "models/late.yaml:6:60: population.prediction_time: rows of trips become known 1h50m after the prediction time, so no prediction can be requested. "
        "Ask 1h50m later, or correct their known_at."
    ]


def test_online_a_row_must_be_known_when_the_request_comes(ferry: Path) -> None:
    edit(ferry, "sources/trips.yaml", "known_at: {delay: -2d}", "known_at: {column: planned_at}")
    edit(ferry, "sources/trips.yaml", "  cars: int\n", "  cars: int\n  planned_at: timestamp\n")
    load_project(ferry, {})
    edit(ferry, "models/late.yaml", '"0 * * * * Europe/Oslo"}', '"0 * * * * Europe/Oslo", online: true}')
    assert faults(ferry) == [
        "models/late.yaml:20:54: deployment.online: it is unknown whether rows of trips are known by their prediction time, when a request carries them. "
        "Write population.prediction_time as planned_at, more or less a span."
    ]
    edit(ferry, "models/late.yaml", "departs_at - 2h", "planned_at + 5m")
    load_project(ferry, {})


def test_online_the_age_between_ticks_counts_too(punctual: Path) -> None:
    """A batch run just after each tick meets values of 15 min; a request in between meets them up to 1 h 15 min old."""
    edit(punctual, "models/late.yaml", "0 * * * * Europe/Oslo", "5-59/10 * * * * UTC")
    edit(punctual, "features/ship_recent.yaml", "refresh: 1h", "refresh: 10m")
    ask(punctual, "25m")
    load_project(punctual, {})
    edit(punctual, "models/late.yaml", 'UTC"}', 'UTC", online: true}')
    load_project(punctual, {})
    edit(punctual, "models/late.yaml", "max_feature_age: 25m", "max_feature_age: 24m")
    assert "-> up to 25m, and 24m is asked for" in faults(punctual)[0]

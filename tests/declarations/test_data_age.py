"""How old a feature's newest data can be: against sums by hand, and against a clock that is read minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.core.clock import Schedule, parse_duration, tick_at
from ml_platform.declarations.data_age import availability_in, availability_of, longest_gap
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.project import ProjectSpec
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.measured_delay import measured_delay
from tests.declarations.ferry import edit, write_ferry
from tests.features.world import at, sale, sales_project

pytestmark = pytest.mark.slow

TABLE = "features/ship_recent.yaml"
KNOWN = "known_at: {column: logged_at}"


def ferry(directory: Path, *edits: tuple[str, str, str]) -> ProjectSpec:
    write_ferry(directory)
    for file, old, new in edits:
        edit(directory, file, old, new)
    return load_project(directory, {})


def known_after(delay: str) -> tuple[str, str, str]:
    return "sources/arrivals.yaml", KNOWN, f"known_at: {{delay: {delay}}}"


def test_the_age_is_the_sum_of_delay_refresh_and_publishing(tmp_path: Path) -> None:
    availability = availability_of(ferry(tmp_path, known_after("10m")), "ship_recent")
    assert [part.what for part in availability.parts] == [
        "arrivals known 10m after",
        "refresh 1h",
        "published 5m after the tick",
    ]
    assert availability.best_age == timedelta(minutes=15)
    assert availability.worst_age == timedelta(minutes=75)
    assert availability.sentence == (
        "arrivals known 10m after + refresh 1h + published 5m after the tick = up to 1h15m old"
    )


def test_a_column_for_known_at_leaves_the_age_open_until_it_is_measured(tmp_path: Path) -> None:
    spec = ferry(tmp_path)
    availability = availability_of(spec, "ship_recent")
    assert availability.worst_age is None
    assert availability.best_age is None
    assert availability.known_age == timedelta(minutes=65)
    assert availability.sentence == (
        "arrivals known at its column logged_at + refresh 1h + published 5m after the tick = at least 1h5m old"
    )
    measured = availability_of(spec, "ship_recent", delay=timedelta(minutes=20))
    assert measured.worst_age == timedelta(minutes=85)
    assert measured.parts[0].what == "arrivals known 20m after, as measured"


def test_what_is_known_ahead_is_no_older_than_its_tick(tmp_path: Path) -> None:
    availability = availability_of(ferry(tmp_path, known_after("-2d")), "ship_recent")
    assert availability.parts[0].what == "arrivals known 2d ahead"
    assert availability.worst_age == timedelta(minutes=65)


def test_windows_that_look_ahead_have_no_age(tmp_path: Path) -> None:
    ahead = (TABLE, "windows: [1d, 7d]", "windows: [[0h, 2h], 7d]")
    spec = ferry(tmp_path, known_after("-2d"), ahead)
    availability = availability_of(spec, "ship_recent", columns=["trips_next_2h"])
    assert availability.worst_age == timedelta(0)
    assert availability.sentence == "ship_recent is known ahead: its values have no age"
    assert availability_of(spec, "ship_recent").worst_age == timedelta(minutes=65), "its other columns have one"
    both = availability_in(spec, spec.models["late"], "ship_recent", columns=["trips_next_2h"])
    assert both.worst_age == timedelta(0)


def test_the_newest_known_value_is_as_old_as_its_table_and_a_derived_one_as_what_it_reads(tmp_path: Path) -> None:
    columns = """\
  soon: {count: true, windows: [[0h, 2h]]}
  pier: {as_of: pier}
  twice: {derived: soon_next_2h * 2}
  both: {derived: twice + trips_1d}
"""
    spec = ferry(tmp_path, known_after("-2d"), (TABLE, "features:\n", f"features:\n{columns}"))
    ages = {name: availability_of(spec, "ship_recent", columns=[name]).worst_age for name in ("pier", "twice", "both")}
    assert ages == {"pier": timedelta(minutes=65), "twice": timedelta(0), "both": timedelta(minutes=65)}


def test_a_table_that_takes_longer_than_its_publish_delay_breaks_a_promise(tmp_path: Path) -> None:
    spec = ferry(tmp_path, known_after("10m"))
    assert availability_of(spec, "ship_recent", timedelta(minutes=4)).broken_promise is None
    slow = availability_of(spec, "ship_recent", timedelta(minutes=12))
    assert slow.worst_age == timedelta(minutes=82)
    assert slow.sentence == (
        "arrivals known 10m after + refresh 1h + made 12m after the tick = up to 1h22m old; making it takes 12m, "
        "longer than its publish_delay of 5m promises"
    )


def test_what_only_batch_runs_read_is_as_old_as_the_time_between_them(tmp_path: Path) -> None:
    """A Python reader on the clock on the wall: nobody can see from the outside that it has something new."""
    python = ("sources/arrivals.yaml", "{csv: data/arrivals.csv}", '{python: "readers:arrivals"}')
    daily = [
        (f"models/{name}.yaml", f'"0 * * * * {zone}"', f'"0 4 * * * {zone}"')
        for name, zone in (("late", "Europe/Oslo"), ("delay", "UTC"))
    ]
    (tmp_path / "readers.py").write_text("def arrivals():\n    return []\n")
    edits = (known_after("10m"), python, *daily)
    simulated = ferry(tmp_path, *edits)
    assert availability_of(simulated, "ship_recent").worst_age == timedelta(minutes=75)
    edit(tmp_path, "project.yaml", "clock: {simulated_from: 2024-06-01T00:00:00Z}", "clock: wall")
    availability = availability_of(load_project(tmp_path, {}), "ship_recent")
    assert availability.sentence == "arrivals known 10m after + read at batch runs up to 1d apart = up to 1d10m old"
    for name in ("late", "delay"):
        (tmp_path / f"models/{name}.yaml").unlink()
    assert availability_of(load_project(tmp_path, {}), "ship_recent").worst_age is None, "nothing ever reads it"


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("5 * * * * UTC", "1h"),
        ("*/15 9-17 * * 1-5 UTC", "63h15m"),
        ("0 3 * * 1 UTC", "7d"),
        ("0 3 * * * Europe/Berlin", "25h"),  # the night on which clocks are put back
        ("0 0 1 * * UTC", "31d"),
    ],
)
def test_the_longest_gap_between_batch_runs(text: str, gap: str) -> None:
    hours, _, minutes = gap.partition("h")
    expected = parse_duration(f"{hours}h") + parse_duration(minutes) if minutes else parse_duration(gap)
    assert longest_gap(Schedule(text)) == expected


@pytest.mark.parametrize(
    ("delay", "refresh", "publish", "batch"),
    [
        ("10m", "1h", "5m", "5 * * * * UTC"),
        ("10m", "1h", "5m", "0 * * * * UTC"),
        ("0s", "6h", "30m", "20 */4 * * * UTC"),
        ("3h", "7h", "0s", "*/45 * * * * UTC"),
    ],
)
def test_batch_predictions_meet_the_age_that_a_clock_read_each_minute_finds(
    tmp_path: Path, delay: str, refresh: str, publish: str, batch: str
) -> None:
    edits = [
        known_after(delay),
        (TABLE, "refresh: 1h", f"refresh: {refresh}"),
        (TABLE, "publish_delay: 5m", f"publish_delay: {publish}"),
        ("models/late.yaml", "0 * * * * Europe/Oslo", batch),
    ]
    spec = ferry(tmp_path, *edits)
    minute, start = timedelta(minutes=1), datetime(2024, 3, 4, tzinfo=UTC)
    oldest, schedule = timedelta(0), Schedule(batch)
    for count in range(7 * 24 * 60):
        asked = start + count * minute
        run = schedule.last(asked)
        tick = tick_at(run, parse_duration(refresh), parse_duration(publish))
        oldest = max(oldest, asked - (tick - parse_duration(delay)))
    age = availability_in(spec, spec.models["late"], "ship_recent").worst_age
    assert age is not None
    assert oldest + minute <= age
    if batch != "*/45 * * * * UTC":  # the oldest tick and the longest gap fall on the same run
        assert age == oldest + minute


def test_the_measured_delay_is_that_of_99_rows_of_100_lately_as_they_were_known_first(tmp_path: Path) -> None:
    """99 rows an hour after the event, one a day after; one of them corrected much later; an old one never counts."""
    rows = [sale(f"s{n}", n, seen=n + 1) for n in range(99)] + [sale("slow", 50, seen=74)]
    rows += [sale("s3", 3, seen=600, amount=2.0), sale("ancient", -3000, seen=-1000)]
    project = sales_project(tmp_path, rows)
    source = ingest_source(project, "sales", at(700)).made.artifact.id
    assert measured_delay(project, "sales", source) == timedelta(hours=1)

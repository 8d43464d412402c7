"""Times become instants exactly, or are refused with their row: units, calendars, zones and changes of clocks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.core.errors import SourceError
from ml_platform.sources.conform import conform
from tests.sources.conformed import become, refused, spec_of

EPOCH = datetime(1970, 1, 1)


def micros(values, declared):
    return become(values, declared).cast(pa.int64()).to_pylist()


@settings(deadline=None)
@given(st.sampled_from(["s", "ms", "us", "ns"]), st.integers(-(2**63) + 1, 2**63 - 1), st.booleans())
def test_timestamps_of_every_unit_keep_their_instant_or_are_refused(unit, count, zoned):
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    exact = count * 10**6 // per_second
    first, last = ((at - EPOCH) // timedelta(microseconds=1) for at in (datetime.min, datetime.max))
    values = pa.array([count], pa.timestamp(unit, "UTC" if zoned else None))
    declared = {"type": "timestamp", "zone": "UTC"}
    if first <= exact <= last:
        assert micros(values, declared) == [exact]
    else:
        assert refused(values, declared, SourceError).startswith("row 1: column x: ")


@pytest.mark.parametrize("text", ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_instants_of_no_year_are_refused(text):
    assert "outside the years 1 to 9999" in refused(["2024-01-01T00:00:00Z", text], "timestamp", SourceError)


def test_dates_beyond_the_years_are_refused_and_the_last_one_is_kept():
    declared = {"type": "timestamp", "zone": "UTC"}
    assert micros([date(9999, 12, 31)], declared) == [(datetime(9999, 12, 31) - EPOCH) // timedelta(microseconds=1)]
    message = refused(pa.array([0, -2147472692], pa.date32()), declared, SourceError)
    assert message.startswith("row 2: column x: ")


def test_int96_timestamps_do_not_wrap(tmp_path):
    import fsspec

    from ml_platform.sources.reading.parquet_rows import read_parquet

    ends = [datetime(9999, 12, 31), datetime(2024, 4, 2, 0, 0, 0, 1), datetime(1, 1, 1)]
    pq.write_table(pa.table({"x": pa.array(ends)}), tmp_path / "x.parquet", use_deprecated_int96_timestamps=True)
    spec = spec_of({"type": "timestamp", "zone": "UTC"})
    [batch] = read_parquet(fsspec.filesystem("file"), str(tmp_path / "x.parquet"), spec, "x.parquet")
    rows = conform(batch.table, spec, "x.parquet")["x"].cast(pa.int64()).to_pylist()
    assert rows == [(end - EPOCH) // timedelta(microseconds=1) for end in ends]


ZONES = st.sampled_from(
    ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]
)
LOCAL = st.datetimes(datetime(1900, 1, 1), datetime(9990, 1, 1))
POLICY = st.sampled_from([(), ("earlier",), ("later",), ("shift_forward",), ("later", "shift_forward")])


def expected_instant(local, zone, dst):
    """Microseconds by zoneinfo; None where the time is repeated or skipped and nothing is declared for that."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    if first.astimezone(zone).replace(tzinfo=None) == local:  # both exist
        return None if not {"earlier", "later"} & set(dst) else second if "later" in dst else first
    if "shift_forward" not in dst:
        return None
    low, high = second, first  # the change lies between what the later and the earlier offset make of it
    while high - low > timedelta(microseconds=1):
        middle = low + (high - low) / 2
        forward = middle.astimezone(zone).utcoffset() == high.astimezone(zone).utcoffset()
        low, high = (low, middle) if forward else (middle, high)
    return high


@st.composite
def around_changes(draw):
    """A local time, often within hours of a change of clocks."""
    local, zone = draw(LOCAL), ZoneInfo(draw(ZONES))
    if draw(st.booleans()):
        sunday = draw(st.sampled_from([(3, 8), (3, 25), (4, 1), (10, 1), (10, 25), (11, 1)]))
        year = draw(st.integers(1980, 2080))
        first = datetime(year, *sunday)
        local = first + timedelta(days=6 - first.weekday(), minutes=draw(st.integers(0, 240)))
    return local, zone


@settings(deadline=None, max_examples=300)
@given(around_changes(), POLICY)
def test_local_times_are_what_zoneinfo_makes_of_them(time, dst):
    local, zone = time
    declared = {"type": "timestamp", "zone": zone.key, "dst": list(dst)}
    expected = expected_instant(local, zone, dst)
    if expected is None:
        assert f"a time that clocks in {zone.key} " in refused([local.isoformat()], declared, SourceError)
    else:
        assert become([local.isoformat()], declared).to_pylist() == [expected]


NEW_YORK = {"type": "timestamp", "zone": "America/New_York"}


def test_a_time_that_clocks_show_twice_is_refused_with_its_row_and_what_to_declare():
    assert refused(["2013-11-03T00:59:59", "2013-11-03T01:30:00"], NEW_YORK, SourceError) == (
        "row 2: column x: '2013-11-03T01:30:00' is a time that clocks in America/New_York show twice. Write timestamps "
        "with an offset such as -04:00, or declare for the column dst: earlier or dst: later."
    )


@pytest.mark.parametrize(
    ("dst", "text", "instant"),
    [
        ("earlier", "2013-11-03T01:30:00", datetime(2013, 11, 3, 5, 30)),
        ("later", "2013-11-03T01:30:00", datetime(2013, 11, 3, 6, 30)),
        ("shift_forward", "2013-03-10T02:30:00", datetime(2013, 3, 10, 7, 0)),
        (["later", "shift_forward"], "2013-03-10T02:30:00", datetime(2013, 3, 10, 7, 0)),
        ("fail", "2013-11-03T01:30:00", None),
        ("later", "2013-03-10T02:30:00", None),
        ("shift_forward", "2013-11-03T01:30:00", None),
    ],
)
def test_what_is_declared_for_repeated_and_skipped_times_is_done(dst, text, instant):
    declared = NEW_YORK | {"dst": dst}
    if instant is None:
        assert "a time that clocks in America/New_York" in refused([text], declared, SourceError)
    else:
        assert become([text], declared).to_pylist() == [instant.replace(tzinfo=UTC)]


def test_an_offset_decides_also_in_the_repeated_hour():
    change = become(["2013-11-03T01:30:00-05:00", "2013-11-03T01:30:00-04:00", "2013-11-03T03:00:00"], NEW_YORK)
    assert [at.hour for at in change.to_pylist()] == [6, 5, 8]

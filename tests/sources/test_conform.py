"""Values become what is declared exactly, or are refused with their row: Python's own types are the oracle."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.core.errors import SchemaChanged, SourceError
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.conform import conform
from ml_platform.sources.reading.pandas_columns import arrow_column

EPOCH = datetime(1970, 1, 1)


def spec_of(declared, name="x", reader=None):
    return SourceSpec.model_validate(
        {
            "spec_version": 1,
            "name": "s",
            "description": "For a test.",
            "owner": "team:test",
            "reader": reader or {"parquet": "x.parquet"},
            "key": [name],
            "event_timestamp": name,
            "known_at": {"delay": "0s"},
            "columns": {name: declared},
        }
    )


def become(values, declared, reader=None):
    array = values if isinstance(values, pa.Array) else pa.array(values)
    return conform(pa.table({"x": array}), spec_of(declared, reader=reader), "x.csv")["x"]


def micros(values, declared):
    return become(values, declared).cast(pa.int64()).to_pylist()


def refused(values, declared, kind=SchemaChanged):
    with pytest.raises(kind) as caught:
        become(values, declared)
    return str(caught.value).removeprefix("source s: x.csv: ")


# Integers --------------------------------------------------------------------

INT64 = st.integers(-(2**63), 2**63 - 1)
WRITTEN = st.sampled_from(["{}", "{}.0", "{}.", " {} ", "{}.000", "{}e0"])


@settings(deadline=None)
@given(st.lists(st.tuples(INT64, WRITTEN), min_size=1))
def test_integers_of_text_are_exactly_as_written(rows):
    assert become([form.format(number) for number, form in rows], "int").to_pylist() == [number for number, _ in rows]


def test_one_cell_with_a_point_leaves_the_others_exact():
    change = become(["9007199254740993", "12.0", None, "+7", "1.2e3", "1e18"], "int")
    assert change.to_pylist() == [9007199254740993, 12, None, 7, 1200, 10**18]


@pytest.mark.parametrize(
    "text", ["0x10", "0X10", "1_000", "1,000", "1.5", "٣", "9223372036854775808", "1e19", "nan", "inf"]
)
def test_what_is_no_integer_is_refused_with_its_row(text):
    assert refused(["1", text], "int").startswith(f"row 2: column x: {text!r} is not an int of 64 bits")


@settings(deadline=None)
@given(st.lists(st.decimals(-(10**17), 10**17, places=3), min_size=1))
def test_decimals_become_the_integers_and_floats_that_python_makes_of_them(numbers):
    decimals = pa.array(numbers, pa.decimal128(38, 3))
    assert become(decimals, "float").to_pylist() == [float(number) for number in numbers]
    whole = [number for number in numbers if number == int(number)]
    assert become(pa.array(whole, pa.decimal128(38, 3)), "int").to_pylist() == [int(number) for number in whole]
    if len(whole) < len(numbers):
        assert "is not an int of 64 bits" in refused(decimals, "int")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [("float64", 2.0**53 - 1, 2.0**53), ("float32", 2.0**24 - 1, 2.0**24), ("float16", 2047, 2048)],
)
def test_a_float_that_other_integers_have_too_is_no_integer(kind, good, bad):
    assert become(pa.array(np.array([good, -good], kind)), "int").to_pylist() == [good, -good]
    assert become(pa.array(np.array([1, np.nan], kind)), "int").to_pylist() == [1, None]
    for number in (bad, -bad):
        message = refused(pa.array(np.array([1, number], kind)), "int")
        assert message.startswith(f"row 2: column x: '{float(number)}' is not an int of 64 bits")


def test_an_integer_that_a_float_does_not_hold_is_refused():
    assert refused([1, 2**53 + 1], "float").startswith("row 2: column x: '9007199254740993' is not a float")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_of_text_are_those_of_python(number):
    assert become([repr(number)], "float").to_pylist() == [number]


def test_floats_that_are_no_number_are_null_and_infinite_ones_are_refused():
    assert become(["nan", "-NaN", "1"], "float").to_pylist() == [None, None, 1.0]
    assert refused(["1", "1e400"], "float", SourceError).startswith("row 2: column x has an infinite number")


# Text ------------------------------------------------------------------------


def test_text_that_is_not_utf_8_is_refused_wherever_it_comes_from():
    offsets, data = pa.py_buffer(np.array([0, 1, 3], np.int32)), pa.py_buffer(b"a\xc3(")
    for declared in ("string", "int"):
        message = refused(pa.Array.from_buffers(pa.string(), 2, [None, offsets, data]), declared)
        assert (
            message
            == r"row 2: column x: b'\xc3(' is not text in UTF-8 (declared".partition(" (")[0] + ". Correct the data."
        )


@pytest.mark.parametrize(
    "encoded",
    [
        pa.array(["a", "b"], pa.string_view()),
        pa.array(["a", "b"], pa.large_string()),
        pa.array(["a", "b"]).dictionary_encode(),
        pa.RunEndEncodedArray.from_arrays([1, 2], ["a", "b"]),
    ],
    ids=str,
)
def test_encoded_text_is_text(encoded):
    assert become(encoded, "string").to_pylist() == ["a", "b"]


# Times -----------------------------------------------------------------------


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


def test_a_damaged_parquet_file_is_refused_or_read(tmp_path):
    import fsspec

    from ml_platform.sources.reading.parquet_rows import read_parquet

    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"x": ["a", "b"]}), path, write_page_checksum=True, compression="none")
    content, spec = path.read_bytes(), spec_of("string")
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0x41
        path.write_bytes(damaged)
        try:
            for batch in read_parquet(fsspec.filesystem("file"), str(path), spec, "x.parquet"):
                conform(batch.table, spec, "x.parquet")
        except SourceError:
            continue


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
        "row 2: column x: '2013-11-03 01:30:00' is a time that clocks in America/New_York show twice. Write timestamps "
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


# DataFrames ------------------------------------------------------------------

AWARE, NAIVE = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1)
UNREADABLE = {
    "an integer too large": ([1, 2**70], "row 2, 1180591620717411303424, cannot be read (OverflowError"),
    "a complex number": ([1j], "row 1, 1j, cannot be read (ArrowInvalid"),
    "complex numbers": (pd.Series([1j, 2j]), "cannot be read (ArrowNotImplementedError"),
    "sparse values": (pd.Series(pd.arrays.SparseArray([1, 2])), "cannot be read (ArrowTypeError"),
    "a lone surrogate": (["a", "\udc80"], r"row 2, '\udc80', cannot be read (UnicodeEncodeError"),
    "values of several types": (["a", 1], "row 2, 1, cannot be read (ArrowTypeError"),
    "an object": ([None, object()], "row 2, <object object at"),
    "times with and without a zone": (
        [AWARE, None, NAIVE],
        "row 3, datetime.datetime(2024, 1, 1, 0, 0), is a time without a zone, and rows before it are a time with",
    ),
    "times without and with a zone": ([NAIVE, AWARE], "is a time with a zone, and rows before it are a time without"),
    "dates and times": (
        [date(2024, 1, 1), datetime(2024, 1, 1, 5)],
        "is a time without a zone, and rows before it",
    ),
}


@pytest.mark.parametrize(("values", "problem"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_arrow_cannot_take_from_a_frame_names_the_column_and_the_row(values, problem):
    column = values if isinstance(values, pd.Series) else pd.Series(values, dtype=object)
    with pytest.raises(SchemaChanged) as caught:
        arrow_column(column, spec_of("string"), "rd:f", "x")
    assert str(caught.value).startswith("source s: rd:f: column x: ")
    assert problem in str(caught.value)


@settings(deadline=None)
@given(st.lists(st.none() | INT64))
def test_integers_of_objects_stay_exact_beside_nulls(numbers):
    column = arrow_column(pd.Series(numbers, dtype=object), spec_of("int"), "rd:f", "x")
    assert become(column, "int").to_pylist() == numbers


def test_times_of_several_zones_keep_their_instants():
    there = datetime(2024, 1, 1, tzinfo=ZoneInfo("Asia/Kathmandu"))
    column = arrow_column(pd.Series([AWARE, there, None], dtype=object), spec_of("timestamp"), "rd:f", "x")
    assert become(column, "timestamp").to_pylist() == [AWARE, there.astimezone(UTC), None]


def test_decimals_of_objects_are_exact():
    column = arrow_column(pd.Series([Decimal("9007199254740993.0"), None], dtype=object), spec_of("int"), "rd:f", "x")
    assert become(column, "int").to_pylist() == [9007199254740993, None]
    assert math.isclose(become(column, "float").to_pylist()[0], 9007199254740992.0, rel_tol=0)

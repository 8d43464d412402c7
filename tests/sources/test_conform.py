"""Values become what is declared exactly, or are refused with their row: Python's own types are the oracle."""

import math
from datetime import UTC, date, datetime
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
from ml_platform.sources.conform import conform
from ml_platform.sources.reading.pandas_columns import arrow_column
from tests.sources.conformed import become, refused, spec_of

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

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import PredictionError
from ml_platform.models.inputs.columns import InputColumn, column_type, read_column, read_columns


def _read(values, kind, **options):
    return read_column(pd.Series(values, **options), InputColumn("a.x", kind))


def test_columns_are_matched_by_name_and_put_in_declared_order():
    frame = pd.DataFrame({"b.y": [1.5], "other": [0], "a.x": ["p"]})
    read = read_columns(frame, [InputColumn("a.x", "string"), InputColumn("b.y", "float")])
    assert read.to_dict("list") == {"a.x": ["p"], "b.y": [1.5]}


def test_a_missing_column_is_named_with_the_nearest_that_is_there():
    frame = pd.DataFrame({"weather.wind_speeds": [1.0]})
    with pytest.raises(PredictionError) as caught:
        read_columns(frame, [InputColumn("weather.wind_speed", "float")])
    assert str(caught.value) == (
        "the rows lack column weather.wind_speed. Did you mean weather.wind_speeds? Columns are matched by name, never "
        "by position."
    )


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1.0, np.nan]),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([True, None], dtype="boolean"),
        pd.Series([1, None], dtype=object),
        pd.Series([Decimal(1), None], dtype=object),
        pd.Series([1.0, np.inf]),
        pd.Series([1.0, np.nan], dtype="float32"),
    ],
)
def test_numbers_of_any_storage_are_finite_floats_with_nan(values):
    read = read_column(values, InputColumn("a.x", "float"))
    assert read.dtype == np.float64
    assert read.tolist()[0] == 1.0
    assert np.isnan(read[1])


def test_whole_numbers_and_booleans_keep_their_kind_so_that_expressions_read_them():
    assert _read([1.0, np.nan], "int").dtype == "Int64"
    assert _read([1.0, np.nan], "bool").dtype == "boolean"
    assert _read([True, False], "bool").tolist() == [True, False]


@pytest.mark.parametrize(
    ("values", "kind", "actual"),
    [
        (["1.5"], "float", "string"),
        ([1.5], "int", "other numbers"),
        ([2], "bool", "other numbers"),
        ([1], "string", "integer"),
        ([pd.Timestamp("2024-01-01")], "timestamp", "without a time zone"),
        ([pd.Timestamp("2024-01-01", tz="UTC")], "float", "datetime64"),
    ],
)
def test_a_column_of_another_type_is_refused_by_name_and_type(values, kind, actual):
    with pytest.raises(PredictionError, match=rf"column a.x must be {kind}, found .*{actual}"):
        _read(values, kind)


def test_a_column_that_is_null_throughout_fits_every_type():
    for kind in ("string", "int", "float", "bool"):
        assert _read([None, None], kind, dtype=object).isna().all()


def test_categories_and_strings_are_objects_with_none():
    read = _read(["b", None], "string", dtype="category")
    assert read.tolist() == ["b", None]


def test_timestamps_of_any_zone_and_unit_are_utc_microseconds():
    berlin = pd.Series([pd.Timestamp("2024-01-01T01:00", tz="Europe/Berlin"), pd.NaT])
    read = read_column(berlin, InputColumn("a.x", "timestamp"))
    assert str(read.dtype) == "datetime64[us, UTC]"
    assert read[0] == pd.Timestamp("2024-01-01T00:00", tz="UTC")
    assert read.isna().tolist() == [False, True]


def test_types_are_inferred_from_values():
    assert column_type(pd.Series([1, 2])) == "float"
    assert column_type(pd.Series([True])) == "bool"
    assert column_type(pd.Series(["a", None])) == "string"
    assert column_type(pd.Series(["a"], dtype="category")) == "string"
    assert column_type(pd.Series([pd.Timestamp("2024-01-01", tz="UTC")])) == "timestamp"
    assert column_type(pd.Series([{}])) is None

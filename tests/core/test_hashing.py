"""Ids: equal content has one id however it lies in memory, and different content has another."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.core.hashing import bytes_hash, cache_key, canonical_json, content_id, format_instant, frame_id


class Color(Enum):
    RED = 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class TestCanonicalJson:
    def test_keys_are_sorted_and_nothing_is_wasted(self) -> None:
        assert canonical_json({"b": [1, 2.5], "a": {"d": None, "c": True}}) == b'{"a":{"c":true,"d":null},"b":[1,2.5]}'

    def test_text_is_utf_8(self) -> None:
        assert canonical_json("grün") == '"grün"'.encode()

    def test_instants_are_utc_with_microseconds_whatever_their_zone(self) -> None:
        here = datetime(2024, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
        assert canonical_json(here) == b'"2023-12-31T23:30:00.000000Z"'
        assert format_instant(here) == "2023-12-31T23:30:00.000000Z"

    def test_an_instant_of_the_first_thousand_years_can_be_read_back(self) -> None:
        early = datetime(7, 1, 1, tzinfo=UTC)
        assert format_instant(early) == "0007-01-01T00:00:00.000000Z"
        assert datetime.fromisoformat(format_instant(early)) == early

    def test_durations_are_microseconds(self) -> None:
        assert canonical_json(timedelta(hours=-1)) == b'"-3600000000us"'

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (float("nan"), "nan has no canonical form"),
            (float("inf"), "inf has no canonical form"),
            (datetime(2024, 1, 1), "2024-01-01 00:00:00 is naive: it has no canonical form"),
            ({1: 2}, "only string keys have a canonical form"),
            ({1, 2}, "set has no canonical form"),
            (b"bytes", "bytes has no canonical form"),
            (np.int64(3), "int64 has no canonical form"),
            (Decimal("1.5"), "Decimal has no canonical form"),
            (date(2024, 1, 1), "date has no canonical form"),
            (Color.RED, "Color has no canonical form"),
        ],
    )
    def test_what_has_no_single_text_is_refused(self, value: Any, message: str) -> None:
        with pytest.raises(TypeError) as caught:
            canonical_json({"nested": [value]})
        assert str(caught.value) == message

    @pytest.mark.slow
    @given(JSON)
    def test_it_is_json_and_means_the_same(self, value: Any) -> None:
        assert json.loads(canonical_json(value)) == value

    @given(st.dictionaries(st.text(), st.integers(), min_size=2))
    def test_the_order_of_keys_changes_nothing(self, value: dict[str, int]) -> None:
        assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


class TestContentId:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (["a;b"], ["a", "b"]),
            (["a,b"], ["a", "b"]),
            (["ab", "c"], ["a", "bc"]),
            ([[1], 2], [1, [2]]),
            ({"a": None}, {}),
            (1, 1.0),
            (1, True),
            (0, False),
            ("1", 1),
            ("", None),
            ("null", None),
        ],
    )
    def test_different_content_has_different_ids(self, one: Any, other: Any) -> None:
        assert content_id(one) != content_id(other)

    def test_a_list_and_a_tuple_are_the_same_content(self) -> None:
        assert content_id(["a", ("b",)]) == content_id(("a", ["b"]))

    def test_ids_do_not_change_between_versions_of_the_platform(self) -> None:
        assert content_id({"a": [1, "b"]}) == "ee70aef572200b15408cec63724334e0ccd6c2b5d1cd7225a7f6a3f2a9aa80a9"
        assert frame_id(table(a=(["x", None], pa.string()), b=([1.5, 2.0], pa.float64()))) == (
            "612cbebcfbd1b084ad0fb264fd32278f27d9990c3c037fea8a15432fd696713a"
        )
        assert bytes_hash(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class TestCacheKey:
    BASE = ("snapshot", {"window": "7d"}, "snapshot-1", {"sources/a": "1", "sources/b": "2"})

    def test_the_order_of_inputs_changes_nothing(self) -> None:
        kind, declaration, code, inputs = self.BASE
        assert cache_key(kind, declaration, code, dict(reversed(inputs.items()))) == cache_key(*self.BASE)

    @pytest.mark.parametrize(
        "other",
        [
            ("evaluation", {"window": "7d"}, "snapshot-1", {"sources/a": "1", "sources/b": "2"}),
            ("snapshot", {"window": "8d"}, "snapshot-1", {"sources/a": "1", "sources/b": "2"}),
            ("snapshot", {"window": "7d"}, "snapshot-2", {"sources/a": "1", "sources/b": "2"}),
            ("snapshot", {"window": "7d"}, "snapshot-1", {"sources/a": "2", "sources/b": "1"}),
            ("snapshot", {"window": "7d"}, "snapshot-1", {"sources/a": "1"}),
        ],
    )
    def test_whatever_decides_changes_it(self, other: tuple[str, Any, str, dict[str, str]]) -> None:
        assert cache_key(*other) != cache_key(*self.BASE)


NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
COLUMNS: dict[str, tuple[list[Any], pa.DataType]] = {
    "text": (["a", None, "", "grün"], pa.string()),
    "whole": ([1, None, -3, 2**62], pa.int64()),
    "real": ([0.5, None, float("nan"), -1e300], pa.float64()),
    "flag": ([True, None, False, True], pa.bool_()),
    "at": ([NOON, None, NOON, NOON - timedelta(microseconds=1)], pa.timestamp("us", tz="UTC")),
    "money": ([Decimal("1.500000"), None, Decimal("-0.000001"), Decimal("0")], pa.decimal128(38, 6)),
    "nothing": ([None, None, None, None], pa.null()),
    "span": ([timedelta(hours=1), None, timedelta(0), timedelta(-1)], pa.duration("us")),
}


def table(**columns: tuple[list[Any], pa.DataType]) -> pa.Table:
    return pa.table({name: pa.array(values, kind) for name, (values, kind) in columns.items()})


class TestFrameId:
    @pytest.mark.parametrize("name", COLUMNS)
    def test_chunks_and_offsets_take_no_part(self, name: str) -> None:
        whole = table(it=COLUMNS[name])
        parts = pa.concat_tables([whole.slice(0, 1), whole.slice(1, 2), whole.slice(3)])
        shifted = pa.concat_tables([whole, whole]).combine_chunks().slice(4, 4)
        assert parts["it"].num_chunks == 3
        assert frame_id(parts) == frame_id(shifted) == frame_id(whole)

    @pytest.mark.parametrize("name", sorted(set(COLUMNS) - {"nothing"}))
    def test_each_value_null_and_place_counts(self, name: str) -> None:
        values, kind = COLUMNS[name]
        ids = {frame_id(table(it=(changed, kind))) for changed in (
            values, values[:3], values[::-1], [values[0], values[0], *values[2:]], [None, *values[1:]],
        )}  # fmt: skip
        assert len(ids) == 5

    def test_a_null_is_neither_zero_nor_empty_nor_nan(self) -> None:
        for kind, value in [(pa.int64(), 0), (pa.string(), ""), (pa.float64(), float("nan")), (pa.bool_(), False)]:
            assert frame_id(table(it=([None], kind))) != frame_id(table(it=([value], kind)))

    def test_what_lies_under_a_null_takes_no_part(self) -> None:
        mask = np.array([False, True])
        one = pa.table({"it": pa.array(np.array([1, 7]), mask=mask)})
        other = pa.table({"it": pa.array(np.array([1, 9]), mask=mask)})
        assert frame_id(one) == frame_id(other)

    def test_strings_do_not_run_into_each_other(self) -> None:
        ids = {frame_id(table(it=(values, pa.string()))) for values in (["ab", "c"], ["a", "bc"], ["abc", ""])}
        assert len(ids) == 3

    def test_how_text_is_encoded_in_memory_takes_no_part(self) -> None:
        values = ["a", "b", None, "a"]
        forms = [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())]
        assert len({frame_id(table(it=(values, kind))) for kind in forms}) == 1

    def test_the_unit_of_an_instant_takes_no_part_but_its_zone_does(self) -> None:
        units = {frame_id(table(it=([NOON], pa.timestamp(unit, tz="UTC")))) for unit in ("s", "ms", "us", "ns")}
        assert len(units) == 1
        naive = table(it=([NOON.replace(tzinfo=None)], pa.timestamp("us")))
        assert frame_id(naive) not in units

    def test_zeros_are_one_and_nans_are_one(self) -> None:
        other_nan = np.frombuffer(np.array([0xFFF8000000000001], dtype=np.uint64).tobytes(), dtype=np.float64)[0]
        assert math.isnan(other_nan)
        one = pa.table({"it": pa.array(np.array([0.0, np.nan]))})
        other = pa.table({"it": pa.array(np.array([-0.0, other_nan]))})
        assert frame_id(one) == frame_id(other)

    def test_names_types_and_order_of_columns_count(self) -> None:
        whole, text = COLUMNS["whole"], COLUMNS["text"]
        ids = {
            frame_id(table(a=whole, b=text)),
            frame_id(table(b=text, a=whole)),
            frame_id(table(a=whole, c=text)),
            frame_id(table(a=whole)),
            frame_id(table(a=(whole[0], pa.int64()), b=([None] * 4, pa.string()))),
            frame_id(table(a=([1, None, -3, 4], pa.int32()), b=text)),
            frame_id(table(a=([1, None, -3, 4], pa.int64()), b=text)),
        }
        assert len(ids) == 7

    def test_an_empty_table_has_an_id_by_its_columns(self) -> None:
        ids = {frame_id(table(**{name: ([], kind)})) for name, (_, kind) in COLUMNS.items()}
        assert len(ids) == len(COLUMNS)
        assert frame_id(pa.table({})) not in ids

    @given(
        st.lists(
            st.tuples(
                st.text(st.characters(codec="utf-8")) | st.none(),
                st.floats() | st.none(),
                st.integers(-(2**63), 2**63 - 1) | st.none(),
            ),
            max_size=20,
        ),
        st.integers(0, 20),
    )
    def test_a_table_that_went_through_pandas_and_back_in_pieces_is_the_same(
        self, rows: list[tuple[str | None, float | None, int | None]], cut: int
    ) -> None:
        texts, reals, wholes = zip(*rows, strict=True) if rows else ((), (), ())
        made = table(a=(list(texts), pa.string()), b=(list(reals), pa.float64()), c=(list(wholes), pa.int64()))
        frame = made.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype(), pa.float64(): pd.Float64Dtype()}.get)
        parts = [
            pa.Table.from_pandas(part, schema=made.schema, preserve_index=False) for part in (frame[:cut], frame[cut:])
        ]
        assert frame_id(pa.concat_tables(parts)) == frame_id(made)

"""A file of rows that somebody brings is read exactly, or refused with row and column: nothing is guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_platform.core.errors import SourceError
from ml_platform.declarations.source import Column, SourceSpec
from ml_platform.sources.rows_file import read_rows_file, rows_file_tables

COLUMNS = {
    "id": Column(type="string"),
    "items": Column(type="int"),
    "amount": Column(type="float"),
    "gift": Column(type="bool"),
    "placed": Column(type="timestamp"),
    "local": Column(type="timestamp", zone="Europe/Berlin"),
}
BIG = 2**53 + 1
"""No float holds it."""


def read(tmp_path: Path, content: bytes | str, name: str = "rows.csv") -> list[dict[str, object]]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_rows_file(path, "orders", lambda column: COLUMNS.get(column, COLUMNS["id"])).to_pylist()


def test_whole_numbers_beside_a_null_keep_every_digit(tmp_path: Path) -> None:
    assert read(tmp_path, f"id,items\na,{BIG}\nb,\n") == [{"id": "a", "items": BIG}, {"id": "b", "items": None}]
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"items": pa.array([BIG, None])}), path)
    assert read_rows_file(path, "orders", COLUMNS.__getitem__).to_pylist() == [{"items": BIG}, {"items": None}]


def test_a_byte_order_mark_quotes_nan_and_a_declared_zone_are_understood(tmp_path: Path) -> None:
    text = '\ufeffid,amount,gift,placed,local\n"a,b",nan,true,2024-03-01T12:00:00+02:00,2024-07-01 12:00:00\n'
    noon = datetime(2024, 3, 1, 10, tzinfo=UTC)
    summer = datetime(2024, 7, 1, 10, tzinfo=UTC)
    assert read(tmp_path, text) == [{"id": "a,b", "amount": None, "gift": True, "placed": noon, "local": summer}]


def test_a_file_without_rows_has_its_columns_in_their_types(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,items,placed\n")
    rows = read_rows_file(tmp_path / "rows.csv", "orders", COLUMNS.__getitem__)
    assert [(field.name, str(field.type)) for field in rows.schema] == [
        ("id", "string"),
        ("items", "int64"),
        ("placed", "timestamp[us, tz=UTC]"),
    ]
    assert rows.num_rows == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "it has no header"),
        ("id,amount\na,inf\n", "row 1: column amount has an infinite number"),
        ("id,amount\na,1\nb,1e400\n", "row 2: column amount has an infinite number"),
        ("id,amount\na,0x10\n", "row 1: column amount: '0x10' is not a float"),
        ("id,items\na,2.5\n", "row 1: column items: '2.5' is not an int"),
        ("id,items\na,99999999999999999999\n", "row 1: column items"),
        ("id,placed\na,2024-03-01T12:00:00\n", "row 1: column placed: '2024-03-01T12:00:00' has no time zone"),
        ("id,local\na,2024-10-27 02:30:00\n", "a time that clocks in Europe/Berlin show twice"),
        ("id,items\na,1,surplus\n", "it has 3 cells, and the header 2"),
        ("id,items\na\n", "it has 1 cell, and the header 2"),
        ("id,items,items\na,1,2\n", "column items is there twice"),
        (b"id,items\n\xe9,1\n", "is not text in UTF-8"),
        ('id,items\n"a,1\n', "quote"),
        (b"id,items\x00\na,1\n", "NUL bytes"),
    ],
)
def test_what_a_source_would_not_take_is_refused(tmp_path: Path, content: bytes | str, words: str) -> None:
    with pytest.raises(SourceError) as raised:
        read(tmp_path, content)
    assert words in str(raised.value)
    assert str(tmp_path / "rows.csv") in str(raised.value)


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not readable as Parquet"):
        read(tmp_path, b"PAR1 and no more", "rows.parquet")


def test_a_file_like_those_of_a_source_is_read_as_they_are(tmp_path: Path) -> None:
    about = {"name": "orders", "key": ["order_id"], "event_timestamp": "at", "known_at": {"delay": "0s"}}
    columns = {
        "order_id": {"type": "int", "source_column": "Bestellung"},
        "at": {"type": "timestamp", "source_column": "Am", "format": "%d.%m.%Y", "zone": "UTC"},
        "weight": {"type": "float", "source_column": "Größe"},
    }
    reader = {"csv": "x.csv", "separator": ";", "decimal": ",", "encoding": "cp1252", "null_values": ["", "k.A."]}
    like = SourceSpec.model_validate({**about, "reader": reader, "columns": columns})
    declared = {**like.columns, "note": Column(type="string")}
    (tmp_path / "rows.csv").write_bytes(
        "Bestellung;Am;Größe;note\n7;31.05.2024;1,5;a,b\n8;01.06.2024;k.A.;ü\n".encode("cp1252")
    )
    tables = rows_file_tables(tmp_path / "rows.csv", "orders", declared.__getitem__, like)
    assert pa.concat_tables(tables).to_pylist() == [
        {"order_id": 7, "at": datetime(2024, 5, 31, tzinfo=UTC), "weight": 1.5, "note": "a,b"},
        {"order_id": 8, "at": datetime(2024, 6, 1, tzinfo=UTC), "weight": None, "note": "ü"},
    ]
    (tmp_path / "rows.csv").write_text("order_id,weight\n7,1.5\n")
    tables = rows_file_tables(tmp_path / "rows.csv", "orders", declared.__getitem__, like)
    assert pa.concat_tables(tables).to_pylist() == [{"order_id": 7, "weight": 1.5}]

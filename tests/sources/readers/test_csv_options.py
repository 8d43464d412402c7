"""Files with other signs and encodings, and columns in paths, against pandas and Python's csv module."""

import csv
import io
import random
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.core.errors import DeclarationError, SchemaChanged, SourceError
from ml_platform.sources.conform import conform
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.reading.csv_cells import read_csv
from ml_platform.sources.reading.reader import reader_of
from tests.features.world import SALES, at, write_project
from tests.sources.readers.test_csv import FILES, spec_of
from tests.sources.test_ingest import log_of

NUMBERS = {"id": "string", "amount": "float", "items": "int"}


def table_of(content, spec):
    with FILES.open("/options.csv", "wb") as file:
        file.write(content)
    reader: Any = reader_of(spec)
    batches = list(read_csv(FILES, "/options.csv", spec, "options.csv", dialect=reader.dialect))
    return pa.concat_tables([conform(batch.table, spec, "options.csv") for batch in batches])


CELL = st.text(st.sampled_from(list("ab ;|'\"\t\n,é€")), max_size=8)
SIGNS = st.sampled_from([(";", '"'), ("\t", '"'), ("|", "'"), (",", "'"), (" ", '"')])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(CELL, CELL), min_size=1), SIGNS, st.sampled_from(["utf-8", "cp1252", "utf-16", "utf-16-le"]))
def test_what_the_csv_module_writes_with_any_signs_and_encoding_comes_back(rows, signs, encoding):
    separator, quote = signs
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quotechar=quote, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("id", "at"), *rows])
    spec = spec_of({"id": "string", "at": "string"}, separator=separator, quote=quote, encoding=encoding)
    actual = table_of(text.getvalue().encode(encoding), spec).to_pylist()
    assert [(row["id"], row["at"]) for row in actual] == [(a or None, b or None) for a, b in rows]


@pytest.mark.parametrize("seed", range(3))
def test_german_files_are_read_as_by_pandas(seed):
    draw = random.Random(seed)
    lines = ["id;amount;items"]
    lines += [f"ü{n};{f'{draw.uniform(-9999, 9999):.{draw.randint(0, 6)}f}'.replace('.', ',')};{n}" for n in range(500)]
    content = "\r\n".join(lines).encode("cp1252")
    rows = table_of(content, spec_of(NUMBERS, separator=";", decimal=",", encoding="cp1252")).to_pandas()
    expected = pd.read_csv(
        io.BytesIO(content), sep=";", decimal=",", encoding="cp1252", float_precision="round_trip"
    ).astype({"amount": float})
    pd.testing.assert_frame_equal(rows, expected, check_dtype=False)


REFUSED = {
    "a point under a decimal comma": (
        {"decimal": ",", "separator": ";"},
        b"id;amount;items\na;1,5;2\nb;1.234;3\n",
        "options.csv: row 2: column amount: '1.234' is not a float. Correct the declared type, or the data; "
        "reader.null_values lists texts that mean null.",
    ),
    "two marks": (
        {"decimal": ",", "separator": ";"},
        b"id;amount;items\na;1,234,5;2\n",
        "options.csv: row 1: column amount: '1,234,5' is not a float. Correct the declared type, or the data; "
        "reader.null_values lists texts that mean null.",
    ),
    "another separator": (
        {"separator": ";"},
        b"id,amount,items\na,1,2\n",
        "options.csv: none of the declared columns is in the header; its cells are separated by ','. "
        'Declare separator: ",".',
    ),
    "tabs": (
        {},
        b"id\tamount\titems\na\t1\t2\n",
        "options.csv: none of the declared columns is in the header; its cells are separated by '\\t'. "
        'Declare separator: "\\t".',
    ),
    "another encoding": (
        {"encoding": "ascii"},
        "id,amount,items\na,1,2\nzoë,1,2\n".encode(),
        "options.csv: line 3: b'\\xc3' is not text in ascii. Correct reader.encoding, or the file.",
    ),
    "too many cells": (
        {"separator": ";"},
        b"id;amount;items\na;1;2;3\n",
        "options.csv: row 1: it has 4 cells, and the header 3: 'a;1;2;3'. "
        "Repair the file; ';' inside a cell needs quotes.",
    ),
}


@pytest.mark.parametrize(("options", "content", "message"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_option_is_named_with_its_place(options, content, message):
    with pytest.raises(SchemaChanged) as refused:
        table_of(content, spec_of(NUMBERS, **options))
    assert str(refused.value) == f"source s: {message}"


@pytest.mark.parametrize(
    ("reader", "column", "fault"),
    [
        ({"csv": "x.csv", "separator": ";;"}, {}, "must be one ASCII sign, no letter, digit or line break, found ';;'"),
        ({"csv": "x.csv", "quote": ","}, {}, "separator and quote must differ"),
        ({"csv": "x.csv", "encoding": "latin-77"}, {}, "'latin-77' is not an encoding"),
        ({"csv": "x.csv", "encoding": "base64"}, {}, "'base64' is not an encoding"),
        ({"parquet": "x", "separator": ";"}, {}, "separator belongs to csv, found parquet. Remove it"),
        ({"csv": "data/{shp}.csv"}, {}, "{shp} is not a column. Did you mean shop?"),
        ({"csv": "x.csv"}, {"format": "%d.%m.%Y"}, "has no offset. Declare the column's zone"),
        ({"csv": "x.csv"}, {"format": "%d.%q.%Y"}, "%q is not known"),
        ({"csv": "x.csv"}, {"format": "%H:%M", "zone": "UTC"}, "names no day"),
        ({"csv": "x.csv"}, {"format": "epoch s", "zone": "UTC"}, "zone has no meaning. Remove zone"),
        ({"csv": "x.csv"}, {"type": "string", "format": "epoch s"}, "belongs to timestamps, found type string"),
    ],
)
def test_a_wrong_declaration_is_a_fault_with_its_place(tmp_path, reader, column, fault):
    columns = {**SALES["columns"], "other": {"type": "timestamp", **column}}
    with pytest.raises(DeclarationError, match=r"sources/sales\.yaml:") as refused:
        write_project(tmp_path, sources={"sales": {**SALES, "reader": reader, "columns": columns}})
    assert fault in str(refused.value)


def test_dirty_rows_are_set_aside_with_other_signs_too(tmp_path):
    path = tmp_path / "data/sales.csv"
    path.parent.mkdir(parents=True)
    rows = ["id;shop;at;seen;amount", *(f"k{n};a;{at(1)};{at(1)};1,5" for n in range(9))]
    path.write_text("\n".join([*rows, f"bad;a;{at(1)};{at(1)};1.5", "short;a", f"last;a;{at(1)};{at(1)};2,5"]) + "\n")
    reader = {"csv": "data/sales.csv", "separator": ";", "decimal": ","}
    policy = {"on_error": "quarantine", "quarantine": {"at_most": "50%"}}
    project = write_project(tmp_path, sources={"sales": {**SALES, **policy, "reader": reader}})
    ingested = ingest_source(project, "sales", at(5))
    assert ingested.new_rows == 10
    assert {amount for _, amount, _, _ in log_of(project, ingested.made.artifact)} == {1.5, 2.5}


def test_folders_as_hive_writes_them_are_read_as_by_pyarrow(tmp_path):
    rows = pa.table({"id": ["a", "b", "c", "d"], "at": ["2024-05-01T00:00:00Z"] * 4, "amount": [1.0, 2.0, 3.0, 4.0]})
    rows = rows.append_column("shop", pa.array(["nörth/1", "south", None, "south"]))
    rows = rows.append_column("year", pa.array([2023, 2023, 2024, 2024]))
    import pyarrow.dataset as ds

    for form in ("parquet", "csv"):
        parts = ds.partitioning(pa.schema([("shop", pa.string()), ("year", pa.int64())]), flavor="hive")
        ds.write_dataset(rows, tmp_path / form, format=form, partitioning=parts)
        columns = {"id": "string", "at": "timestamp", "amount": "float", "shop": "string", "year": "int"}
        source = {"key": ["id"], "event_timestamp": "at", "known_at": {"delay": "0s"}, "columns": columns}
        reader = {form: f"{form}/shop={{shop}}/year={{year}}/*.{form}"}
        project = write_project(tmp_path, sources={"sales": {**source, "reader": reader}})
        made = ingest_source(project, "sales", at(9)).made.artifact
        with project.engine() as engine:
            from ml_platform.sources.source_log import source_rows

            stored = engine.run(source_rows(engine, project.store, made, "rows").order_by("id"))
        expected = ds.dataset(tmp_path / form, format=form, partitioning=parts).to_table().sort_by("id")
        for name in ("id", "amount", "shop", "year"):
            assert stored[name].to_pylist() == expected[name].to_pylist(), (form, name)


def test_a_part_of_a_file_s_name_is_a_column_with_a_declared_format(tmp_path):
    for name in ("north_20240501", "south_20240502"):
        path = tmp_path / f"data/{name}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("id,amount\nx,1\n")
    columns = {
        "id": "string",
        "amount": "float",
        "shop": "string",
        "day": {"type": "timestamp", "format": "%Y%m%d", "zone": "UTC"},
    }
    source = {"key": ["id", "shop"], "event_timestamp": "day", "known_at": {"delay": "0s"}, "columns": columns}
    project = write_project(tmp_path, sources={"sales": {**source, "reader": {"csv": "data/{shop}_{day}.csv"}}})
    made = ingest_source(project, "sales", at(99)).made.artifact
    assert made.about["events"] == ["2024-05-01T00:00:00.000000Z", "2024-05-02T00:00:00.000000Z"]
    (tmp_path / "data/west_today.csv").write_text("id,amount\nx,1\n")
    with pytest.raises(SourceError, match=r"data/west_today\.csv: row 1: column day: 'today' is no timestamp of"):
        ingest_source(project, "sales", at(100))

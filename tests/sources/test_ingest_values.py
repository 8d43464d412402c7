"""Values that come in at ingest: declared types, local times, large keys, and input that is refused."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_platform.core.errors import (
    DeclarationError,
    DuplicateKey,
    EmptySource,
    MissingFile,
    NaiveTimestamp,
    SchemaChanged,
    SourceError,
)
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.ingest_history import last_ingest
from ml_platform.sources.source_log import source_versions
from tests.features.world import SALES, at, sale, sales_project, write_project
from tests.sources.test_ingest import HEADER


def test_parquet_files_and_python_readers_give_the_same_rows_as_csv(tmp_path):
    rows = [sale("x", 1), sale("y", 2, seen=3, amount=None)]
    csv = sales_project(tmp_path / "csv", rows)
    table = pa.table({name: [row[place] for row in rows] for place, name in enumerate(HEADER)})
    (tmp_path / "parquet/data").mkdir(parents=True)
    pq.write_table(table.slice(0, 1), tmp_path / "parquet/data/a.parquet")
    pq.write_table(table.slice(1), tmp_path / "parquet/data/b.parquet")
    parquet = write_project(tmp_path / "parquet", sources={"sales": {**SALES, "reader": {"parquet": "data/*.parquet"}}})
    (tmp_path / "python").mkdir()
    (tmp_path / "python/feed.py").write_text(
        "import pandas as pd\n"
        "def sales():\n"
        "    when = pd.to_datetime(['2024-05-01T01:00:00Z', '2024-05-01T03:00:00+01:00'], utc=True)\n"
        "    seen = pd.to_datetime(['2024-05-01T01:00:00Z', '2024-05-01T03:00:00Z'], utc=True)\n"
        "    return pd.DataFrame({'more': [1, 2], 'id': ['x', 'y'], 'shop': 'a', 'at': when, 'seen': seen,\n"
        "                         'amount': [1.0, float('nan')]})\n"
    )
    python = write_project(tmp_path / "python", sources={"sales": {**SALES, "reader": {"python": "feed:sales"}}})
    ids = {ingest_source(project, "sales", at(9)).made.artifact.id for project in (csv, parquet, python)}
    assert len(ids) == 1


def write(directory, content, **changes):
    (directory / "data").mkdir(parents=True, exist_ok=True)
    (directory / "data/sales.csv").write_text(content)
    return write_project(directory, sources={"sales": {**SALES, "reader": {"csv": "data/sales.csv"}, **changes}})


def test_values_become_their_declared_types(tmp_path):
    content = (
        "id,extra,a,b,c,d,at\nx,9, 12.0,1e3,True,2024-05-01,2024-05-01T00:00:00+02:00\ny,9,,NA,,,2024-05-01 05:00Z\n"
    )
    columns: dict[str, Any] = {"id": "string", "a": "int", "b": "float", "c": "bool", "at": "timestamp"}
    columns["d"] = {"type": "timestamp", "zone": "Europe/Berlin"}
    reader = {"csv": "data/sales.csv", "null_values": ["NA"]}
    project = write(tmp_path, content, columns=columns, known_at={"delay": "0s"}, reader=reader)
    artifact = ingest_source(project, "sales", at(9)).made.artifact
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows").order_by("id")).to_pylist()
    assert [rows[0][name] for name in columns] == ["x", 12, 1000.0, True, at(-2), at(-2)]
    assert [rows[1][name] for name in columns] == ["y", None, None, None, at(5), None]


FAULTS = {
    "a missing column": (
        "id,shop,at,seen,amuont\n",
        SchemaChanged,
        "source sales: data/sales.csv: column amount is missing (declared in sources/sales.yaml:18). "
        "Did you mean amuont? Correct the source's columns, or the data.",
    ),
    "another type": (
        "id,shop,at,seen,amount\nx,a,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z,1\n"
        "y,a,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z,cheap\n",
        SchemaChanged,
        "source sales: data/sales.csv: row 2: column amount: 'cheap' is not a float "
        "(declared in sources/sales.yaml:18). Correct the declared type, or the data; "
        "reader.null_values lists texts that mean null.",
    ),
    "a naive timestamp": (
        "id,shop,at,seen,amount\nx,a,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z,1\n"
        "y,a,2024-05-01T00:00:00Z,2024-05-01 00:00,1\n",
        NaiveTimestamp,
        "source sales: data/sales.csv: row 2: column seen: '2024-05-01 00:00' has no time zone "
        "(declared in sources/sales.yaml:17). "
        "Write timestamps with an offset such as Z, or declare the column's zone.",
    ),
    "a date in another form": (
        "id,shop,at,seen,amount\nx,a,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z,1\n"
        "y,a,2024-05-01T00:00:00Z,31.05.2024 18:30,1\n",
        SchemaChanged,
        "source sales: data/sales.csv: row 2: column seen: '31.05.2024 18:30' is not a timestamp in ISO 8601 to the "
        "microsecond, such as 2024-05-31T18:30:00Z (declared in sources/sales.yaml:17). Correct the declared type, or "
        "the data; reader.null_values lists texts that mean null.",
    ),
    "an infinite number": (
        "id,shop,at,seen,amount\nx,a,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z,inf\n",
        SourceError,
        "source sales: data/sales.csv: row 1: column amount has an infinite number "
        "(declared in sources/sales.yaml:18). Correct the data.",
    ),
    "a duplicate key": (
        "id,shop,at,seen,amount\nx,a,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z,1\n"
        "x,a,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z,2\n",
        DuplicateKey,
        "source sales: key id 'x': 2 rows are known at 2024-05-01T00:00:00.000000Z "
        "(data/sales.csv: row 1 and data/sales.csv: row 2). "
        "Remove all but one, add the column that distinguishes them to the key, or declare duplicates: keep_latest.",
    ),
    "a row without a key": (
        "id,shop,at,seen,amount\n,a,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z,1\n",
        SourceError,
        "source sales: data/sales.csv: row 1: column id is null (declared in sources/sales.yaml:14). "
        "Every row needs its key, its event timestamp and its known-at timestamp.",
    ),
    "no row": (
        "id,shop,at,seen,amount\n",
        EmptySource,
        "source sales: data/sales.csv: there is no row. Give it rows, and materialize it again.",
    ),
    "an empty file": (
        "",
        SchemaChanged,
        "source sales: data/sales.csv: the file is empty: it has no header. Repair the file.",
    ),
}


@pytest.mark.parametrize(("content", "kind", "message"), FAULTS.values(), ids=FAULTS)
def test_bad_input_gives_a_clear_error_and_loses_nothing(tmp_path, content, kind, message):
    fresh = write(tmp_path / "fresh", content)
    with pytest.raises(kind) as caught:
        ingest_source(fresh, "sales", at(9))
    assert str(caught.value) == message
    if "nothing known" in message or (kind is EmptySource and "known_at" in message):
        return
    good = sales_project(tmp_path / "good", [sale("x", 1)])
    before = ingest_source(good, "sales", at(4)).made.artifact
    (good.root / "data/sales.csv").write_text(content)
    with pytest.raises(kind):
        ingest_source(good, "sales", at(9))
    assert last_ingest(good.database, "sales").id == before.id
    assert list(good.store.ids("source")) == [before.id]


def test_a_first_load_of_which_nothing_is_known_yet_is_an_error(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)])
    with pytest.raises(EmptySource) as caught:
        ingest_source(project, "sales", at(0))
    assert str(caught.value) == (
        "source sales: known_at: none of its rows is known by 2024-05-01T00:00:00.000000Z. "
        "Correct known_at, or advance the clock."
    )


def test_a_missing_file_names_it(tmp_path):
    project = sales_project(tmp_path, [sale("x", 1)])
    (tmp_path / "data/sales.csv").unlink()
    with pytest.raises(MissingFile) as caught:
        ingest_source(project, "sales", at(4))
    assert str(caught.value) == (
        "source sales: data/sales.csv: no such file. Correct the path in the reader, or put the file there."
    )


def test_a_required_null_names_its_row(tmp_path):
    columns = {**SALES["columns"], "shop": {"type": "string", "required": True}}
    project = sales_project(tmp_path, [sale("x", 1), sale("y", 1, shop=None)], columns=columns)
    with pytest.raises(SourceError, match="row 2: column shop is required and null"):
        ingest_source(project, "sales", at(4))


LOCAL: dict[str, Any] = {"id": "string", "at": {"type": "timestamp", "zone": "America/New_York"}}


@pytest.mark.parametrize(("text", "what"), [("2013-11-03T01:30:00", "show twice"), ("2013-03-10T02:30:00", "skip")])
def test_a_time_that_local_clocks_skip_or_show_twice_is_an_error(tmp_path, text, what):
    project = write(tmp_path, f"id,at\nw,2013-05-05T00:00:00\nx,{text}\n", columns=LOCAL, known_at={"delay": "0s"})
    with pytest.raises(SourceError, match=f"row 2: column at: .* is a time that clocks in America/New_York {what}"):
        ingest_source(project, "sales", at(4))


def test_a_time_that_local_clocks_show_twice_is_what_is_declared(tmp_path):
    columns = LOCAL | {"at": LOCAL["at"] | {"dst": "later"}}
    project = write(tmp_path, "id,at\nx,2013-11-03T01:30:00\n", columns=columns, known_at={"delay": "0s"})
    ingested = ingest_source(project, "sales", at(4)).made.artifact
    assert ingested.about["events"][0] == "2013-11-03T06:30:00.000000Z"


DST_FAULTS = [
    ({"type": "timestamp", "dst": "later"}, "belongs to a column with a zone. Declare the zone, or remove it"),
    (LOCAL["at"] | {"dst": ["later", "earlier"]}, "found later and earlier. Give one of earlier and later"),
    (LOCAL["at"] | {"dst": ["fail", "earlier"]}, "or fail alone"),
]


@pytest.mark.parametrize(("column", "message"), DST_FAULTS)
def test_a_meaning_of_repeated_times_that_contradicts_itself_is_a_fault(tmp_path, column, message):
    with pytest.raises(DeclarationError) as caught:
        write(tmp_path, "id,at\n", columns=LOCAL | {"at": column}, known_at={"delay": "0s"})
    assert message in str(caught.value)


def test_keys_beyond_2_to_the_53_stay_apart_where_another_is_written_with_a_point(tmp_path):
    rows = "9007199254740993,2024-04-01T00:00:00Z\n9007199254740992,2024-04-01T00:00:00Z\n12.0,2024-04-01T00:00:00Z\n"
    columns = {"id": "int", "at": "timestamp"}
    project = write(tmp_path, f"id,at\n{rows}", columns=columns, known_at={"delay": "0s"})
    artifact = ingest_source(project, "sales", at(4)).made.artifact
    with project.engine() as engine:
        ran = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows"))["id"].to_pylist()
    assert sorted(ran) == [12, 9007199254740992, 9007199254740993]


SENTINEL = "9999-12-31T23:59:59.999999Z"


@pytest.mark.parametrize("delay", ["0s", "1d", "-1d"])
def test_a_row_of_the_end_of_time_waits_and_the_others_are_ingested(tmp_path, delay):
    rows = f"x,2024-04-01T00:00:00Z\ny,{SENTINEL}\n"
    columns = {"id": "string", "at": "timestamp"}
    project = write(tmp_path, f"id,at\n{rows}", columns=columns, known_at={"delay": delay})
    assert ingest_source(project, "sales", at(4)).new_rows == 1
    assert ingest_source(project, "sales", at(5)).made.reused


def test_a_known_at_before_the_first_year_is_refused(tmp_path):
    columns = {"id": "string", "at": "timestamp"}
    project = write(tmp_path, "id,at\nx,0001-01-01T00:00:00Z\n", columns=columns, known_at={"delay": "-1d"})
    with pytest.raises(SourceError) as caught:
        ingest_source(project, "sales", at(4))
    assert str(caught.value) == (
        "source sales: data/sales.csv: row 1: event timestamp 0001-01-01T00:00:00+00:00 with a delay of -1d is known "
        "before the year 1. Correct the data, or known_at."
    )


def test_a_reader_that_fails_is_reported_with_its_error(tmp_path):
    (tmp_path / "feed.py").write_text("def sales():\n    raise ValueError('no feed today')\n")
    project = write_project(tmp_path, sources={"sales": {**SALES, "reader": {"python": "feed:sales"}}})
    with pytest.raises(SourceError, match="feed:sales: the reader failed with ValueError: no feed today"):
        ingest_source(project, "sales", at(4))

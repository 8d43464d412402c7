"""Every row that is read is ingested, waits, or is in quarantine: random dirty rows against a naive reader."""

import csv
import json
import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.quarantine import dirty_rows
from ml_platform.sources.source_log import FOREVER, source_versions
from tests.features.world import write_project
from tests.sources.naive_reader import NAMES, expected
from tests.storage import postgres

NOW = datetime(2024, 11, 20, tzinfo=UTC)

COLUMNS = {"id": "int", "at": {"type": "timestamp", "zone": "America/New_York"}, "amount": "float", "shop": "string"}
READERS = ("csv", "parquet", "postgres", "python")
VARIABLE = "ML_PLATFORM_TEST_DIRTY_DB"


# The world ------------------------------------------------------------------


def draw(rng, rows):
    """Rows of texts, of which about every fifth is dirty: [id, at, amount, shop]."""
    drawn = list[list[Any]]()
    for number in range(rows):
        local = datetime(2024, 1, 1) + timedelta(minutes=37 * rng.randrange(12_000))
        row: list[Any] = [str(number), local.isoformat(), f"{rng.randrange(1000) / 8}", rng.choice("abc")]
        dirt = rng.random()
        if dirt < 0.05:
            row[2] = rng.choice(["one", "1,5", "inf", "-1e999", "nine", "0x1"])
        elif dirt < 0.08:
            row[1] = rng.choice(["2024-03-10T02:30:00", "2024-11-03T01:15:00", "noon", "2024-02-30T00:00:00", None])
        elif dirt < 0.11:
            row[0] = rng.choice(["x", "1.5", None, "99999999999999999999"])
        elif dirt < 0.13:
            row[1], row[2] = "31.12.2024", "?"
        elif dirt < 0.16:
            row[2] = None
        elif dirt < 0.20 and drawn:
            row[:2] = drawn[-1][:2]
            if dirt < 0.18:
                row = list(drawn[-1])
        drawn.append(row)
    return drawn


# Readers ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server():
    with postgres.server() as url:
        yield url


@pytest.fixture
def put(request, tmp_path, monkeypatch):
    """A function that writes rows where a reader reads them, and the declaration of the reader."""
    if request.param == "csv":
        yield lambda rows: put_csv(tmp_path / "sales.csv", rows), {"csv": "sales.csv"}, {}
    elif request.param == "parquet":
        yield lambda rows: pq.write_table(texts(rows), tmp_path / "sales.parquet"), {"parquet": "sales.parquet"}, {}
    elif request.param == "python":
        code = "import json, pathlib, pyarrow\n\ndef read():\n    text = pathlib.Path(__file__).with_name('rows.json')"
        code += ".read_text()\n    yield pyarrow.Table.from_pylist(json.loads(text))\n"
        (tmp_path / "shop_rows.py").write_text(code)
        written = tmp_path / "rows.json"
        yield lambda rows: written.write_text(json.dumps(texts(rows).to_pylist())), {"python": "shop_rows:read"}, {}
    else:
        with postgres.schema(request.getfixturevalue("server")) as url:
            engine = sa.create_engine(url)
            monkeypatch.setenv(VARIABLE, url)
            reader = {"postgres": {"connection": "shop_db", "table": "sales"}}
            yield lambda rows: put_table(engine, rows), reader, {"connections": {"shop_db": f"${{{VARIABLE}}}"}}
            engine.dispose()
            os.environ.pop(VARIABLE, None)


def texts(rows):
    return pa.table({name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(NAMES)})


def put_csv(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([NAMES, *([cell or "" for cell in row] for row in rows)])


def put_table(engine, rows):
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS sales"))
        connection.execute(sa.text("CREATE TABLE sales (id text, at text, amount text, shop text)"))
        values = [dict(zip(NAMES, row, strict=True)) for row in rows]
        connection.execute(sa.text("INSERT INTO sales VALUES (:id, :at, :amount, :shop)"), values)


def log_of(project, artifact):
    with project.engine() as engine:
        ran = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    return sorted(tuple(row[name] for name in NAMES) for row in ran)


def by_fate(project):
    dirty = dirty_rows(project, "sales")
    rows = [] if dirty is None else dirty.to_pylist()
    return sorted((row["_number"], row["_handled"]) for row in rows)


@pytest.mark.parametrize("duplicates", ["keep_latest", "quarantine"])
@pytest.mark.parametrize("on_error", ["quarantine", "null"])
@pytest.mark.parametrize("put", READERS, indirect=True, ids=READERS)
def test_ingested_and_quarantined_rows_are_all_that_were_read(tmp_path, put, on_error, duplicates):
    write, reader, more = put
    rng = random.Random(f"{on_error} {duplicates} {sorted(reader)}")
    rows = draw(rng, 400)
    write(rows)
    source = {
        **{"reader": reader, "key": ["id"], "event_timestamp": "at", "known_at": {"delay": "0s"}, "columns": COLUMNS},
        **{"on_error": on_error, "duplicates": duplicates, "quarantine": {"at_most": "100%"}},
    }
    project = write_project(tmp_path, sources={"sales": source}, entities={"sale": ["id"]}, **more)
    ingested = ingest_source(project, "sales", NOW)
    fate, kept = expected(rows, on_error, duplicates)
    known = sorted(values for values in kept.values() if values[1] <= NOW)
    assert log_of(project, ingested.made.artifact) == known
    counts, actual = ingested.rows, list(fate.values())
    handled = {"quarantine": "quarantine", "duplicate": "quarantine", "null": "null"}
    assert by_fate(project) == sorted((place, handled[of]) for place, of in fate.items() if of in handled)
    assert counts.read == len(rows)
    assert counts.quarantined == actual.count("quarantine") + actual.count("duplicate")
    assert counts.merged == actual.count("merged")
    assert counts.new == len(known)
    assert counts.waiting == len(kept) - len(known)
    assert counts.unchanged == 0
    assert counts.quarantined > 20
    assert counts.merged > 0

    for place, row in enumerate(rows):
        row[0], row[1], row[2] = (
            str(place),
            f"2024-05-{1 + place % 28:02d}T12:00:00",
            row[2] if row[2] == "1.0" else "2",
        )
    write(rows)
    later = ingest_source(project, "sales", NOW + timedelta(days=30))
    assert by_fate(project) == []
    assert (later.rows.quarantined, later.rows.merged, later.rows.read) == (0, 0, 400)
    with project.engine() as engine:
        actual = engine.run(source_versions(engine, project.store, later.made.artifact, ["id"], "rows")).to_pylist()
    assert {row["id"] for row in actual if row["_until"] == FOREVER} >= set(range(400))

"""Every row that is read is ingested, waits, or is in quarantine: random dirty rows against a naive reader."""

import csv
import io
import json
import math
import os
import random
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from ml_platform.sources.bad_cells import BadCells
from ml_platform.sources.conform import conform
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.quarantine import dirty_rows
from ml_platform.sources.reading.csv_cells import read_csv
from ml_platform.sources.source_log import FOREVER, source_versions
from tests.features.world import write_project
from tests.storage import postgres

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2024, 11, 20, tzinfo=UTC)
NAMES = ["id", "at", "amount", "shop"]
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


# The naive reader -------------------------------------------------------------


def whole(text):
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) and abs(int(text)) < 2**63 else None


def number(text):
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def instant(text):
    """The instant of a local time; None for what is no time, and for times that clocks skip or show twice."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        return None
    first, second = (local.replace(tzinfo=ZONE, fold=fold).astimezone(UTC) for fold in (0, 1))
    exists = first.astimezone(ZONE).replace(tzinfo=None) == local
    return first if first == second and exists else None


PARSE = [whole, instant, number, lambda text: text]


def expected(rows, on_error, duplicates):
    """By row: (what becomes of it, its values). The rule of each policy, written from the guide."""
    clean, fate = list[Any](), dict[int, str]()
    for place, row in enumerate(rows, 1):
        values = [None if cell is None else parse(cell) for parse, cell in zip(PARSE, row, strict=True)]
        bad = [name for name, cell, value in zip(NAMES, row, values, strict=True) if cell is not None and value is None]
        needed = values[0] is None or values[1] is None
        if needed or (bad and on_error == "quarantine"):
            fate[place] = "quarantine"
            continue
        fate[place] = "null" if bad else "clean"
        clean.append((place, tuple(values)))
    groups = defaultdict[Any, list[Any]](list)
    for place, values in clean:
        groups[values[:2]].append((place, values))
    kept = dict[int, Any]()
    for group in groups.values():
        if duplicates == "quarantine" and len({values for _, values in group}) > 1:
            fate.update((place, "duplicate") for place, _ in group)
            continue
        fate.update((place, "merged") for place, _ in group[:-1])
        kept[group[-1][0]] = group[-1][1]
    return fate, kept


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


def dirty_csv(rng):
    """The bytes of a CSV file in which anything may be wrong but quotes."""
    cells = ["1", "2.5", "x", "", '"a,b"', '"two\nlines"', '"say ""hi"""', "\xff", " 7 ", '""', "é"]
    lines = ["id,other,amount"]
    for _ in range(rng.randrange(40)):
        count = rng.choice([3, 3, 3, 3, 2, 4, 1])
        lines.append(",".join(rng.choice(cells) for _ in range(count)))
        lines += [""] * (rng.random() < 0.1)
    end = rng.choice(["\n", "\r\n"])
    text = end.join(lines) + rng.choice(["", end])
    return b"".join(sign.encode("latin-1" if sign == "\xff" else "utf-8") for sign in text)


def naive_csv(content):
    """By row (1 is the first below the header): its line and its cells, None where one is not UTF-8."""
    reader = csv.reader(io.StringIO(content.decode("latin-1"), newline=""))
    lines, line = [], 1
    for cells in reader:
        if cells:
            lines.append((line, [readable(cell) for cell in cells]))
        line = reader.line_num + 1
    return lines[1:]


def readable(cell):
    try:
        return cell.encode("latin-1").decode()
    except UnicodeDecodeError:
        return None


def what_is_read(files, spec):
    """Of a file in blocks of a few bytes: (row, line, id, amount) of clean rows, and (row, line) of dirty ones."""
    clean, dirty, first = list[Any](), list[Any](), 0
    for batch in read_csv(files, "/sales.csv", spec, "sales.csv", block_bytes=64):
        count = batch.table.num_rows
        places, bad = batch.places or range(count), BadCells(spec, count)
        conformed = conform(batch.table, spec, "sales.csv", first, places=places, bad=bad, is_utf8=batch.is_utf8)
        wrong = {row for cells in bad.cells for row in cells.rows.tolist()}
        lines = batch.lines(range(count)) if count and batch.lines else []
        for row, values in enumerate(conformed.to_pylist()):
            place = (first + places[row] + 1, lines[row])
            if row in wrong:
                dirty.append(place)
            else:
                clean.append((*place, values["id"], values["amount"]))
        dirty += [(first + item.place + 1, item.line) for item in batch.refused]
        first += batch.rows
    return clean, dirty


def test_dirty_lines_of_csv_are_detected_where_a_naive_reader_detects_them(tmp_path):
    columns = {"id": "string", "amount": "float"}
    source = {
        **{"reader": {"csv": "sales.csv"}, "key": ["id"], "event_timestamp": "at", "known_at": {"delay": "0s"}},
        **{"columns": {**columns, "at": "timestamp"}, "on_error": "quarantine"},
    }
    spec = write_project(tmp_path, sources={"sales": source}, entities={"sale": ["id"]}).spec.sources["sales"]
    spec = spec.model_copy(update={"columns": {name: spec.columns[name] for name in columns}, "event_timestamp": "id"})
    files = fsspec.filesystem("memory")
    refused = 0
    for seed in range(300):
        content = dirty_csv(random.Random(seed))
        files.pipe_file("/sales.csv", content)
        clean, dirty = what_is_read(files, spec)
        rows = [(place, line, cells) for place, (line, cells) in enumerate(naive_csv(content), 1)]
        fits = [len(cells) == 3 and None not in (cells[0], cells[2]) and is_float(cells[2]) for _, _, cells in rows]
        assert sorted(dirty) == [row[:2] for row, fit in zip(rows, fits, strict=True) if not fit], seed
        assert clean == [
            (place, line, cells[0] or None, float(cells[2]) if cells[2] else None)
            for (place, line, cells), fit in zip(rows, fits, strict=True)
            if fit
        ], seed
        refused += len(dirty)
    assert refused > 1000


def is_float(cell):
    return not cell or number(cell) is not None

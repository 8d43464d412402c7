"""Dirty lines of CSV are detected where a naive reader detects them."""

import csv
import io
import random
from typing import Any

import fsspec

from ml_platform.sources.bad_cells import BadCells
from ml_platform.sources.conform import conform
from ml_platform.sources.reading.csv_cells import read_csv
from tests.features.world import write_project
from tests.sources.naive_reader import number


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

"""CSV rows one by one, by Python's csv module: slow, for the header and for blocks with dirty rows."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.reading.batch import Batch, RefusedLine
from ml_platform.sources.reading.csv_dialect import PLAIN, Dialect

_LONGEST_LINE = 10_000


def split_rows(rows: bytes | str, dialect: Dialect = PLAIN) -> Iterator[list[str]]:
    """Yield the cells of rows; bytes are taken for Latin-1, so that each is one character."""
    for _, cells in _numbered(rows, dialect):
        yield cells


def row_lines(rows: bytes, first_line: int, places: Sequence[int], dialect: Dialect = PLAIN) -> list[int]:
    """Return the lines on which some rows of a block begin.

    Parameters
    ----------
    first_line
        How many lines of the file come before the block.
    places
        0-based places of rows, in order; empty lines are no rows.
    """
    wanted, lines = set(places), []
    for place, line in enumerate(line for line, cells in _numbered(rows, dialect) if cells):
        if place in wanted:
            lines.append(first_line + line)
    return lines


def separate_rows(
    rows: bytes, header: Sequence[str], spec: SourceSpec, first_line: int, dialect: Dialect = PLAIN
) -> Batch:
    """Return the declared columns of a block's rows, and what has more or fewer cells than the header.

    Texts may be in another encoding than UTF-8.
    """
    nulls = {text.encode() for text in ("", *spec.reader.null_values)}
    wanted = [header.index(name) if name in header else None for name in spec.columns]
    columns: list[list[bytes | None]] = [[] for _ in wanted]
    places, lines, refused = list[int](), list[int](), list[RefusedLine]()
    for place, (line, cells) in enumerate((line, cells) for line, cells in _numbered(rows, dialect) if cells):
        if len(cells) != len(header):
            counts = f"has {len(cells)} cell{'s' * (len(cells) != 1)}, and the header {len(header)}"
            refused.append(RefusedLine(place, first_line + line, counts, _text(cells, dialect)))
            continue
        places.append(place)
        lines.append(first_line + line)
        for column, index in zip(columns, wanted, strict=True):
            cell = b"" if index is None else cells[index].encode("latin-1")
            column.append(None if cell in nulls else cell)
    arrays = {name: _unchecked_text(column) for name, column in zip(spec.columns, columns, strict=True)}
    return Batch(pa.table(arrays), places, refused, lambda chosen: [lines[place] for place in chosen], columns=header)


def _numbered(rows: bytes | str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which each row begins, from 1, and its cells; none for an empty line."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        text = rows if isinstance(rows, str) else rows.decode("latin-1")
        reader: Any = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.separator, quotechar=dialect.quote)
        line = 1
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    finally:
        csv.field_size_limit(limit)


def _text(cells: Sequence[str], dialect: Dialect) -> str:
    """Return a row as text, as CSV writes it."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="", delimiter=dialect.separator, quotechar=dialect.quote)
    writer.writerow(cells)
    return written.getvalue().encode("latin-1").decode(errors="backslashreplace")[:_LONGEST_LINE]


def _unchecked_text(cells: Sequence[bytes | None]) -> pa.Array:
    """Return bytes as texts without looking whether they are UTF-8."""
    binary = pa.array(cells, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(binary), binary.buffers())

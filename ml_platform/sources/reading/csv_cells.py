"""Reading CSV files in blocks of whole rows: the cells that Python's csv module reads in strict mode, or an error."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.csv

from ml_platform.core.errors import SchemaChanged, listed
from ml_platform.declarations.row_policies import accepts_dirty_rows, on_error_of
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.column_faults import first_not_utf8
from ml_platform.sources.reading.batch import Batch
from ml_platform.sources.reading.columns import require_columns
from ml_platform.sources.reading.csv_blocks import BLOCK_BYTES, BadQuote, first_row_end, row_blocks
from ml_platform.sources.reading.csv_dialect import PLAIN, Dialect
from ml_platform.sources.reading.csv_rows import row_lines, separate_rows, split_rows
from ml_platform.sources.reading.growing_files import FileEnd, HashedStream, ReadBefore
from ml_platform.sources.reading.open_file import gone, opened
from ml_platform.sources.reading.transcoded import NotInEncoding, TranscodedStream

_UNREADABLE = (
    *(pa.ArrowException, EOFError, OSError, ValueError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError),  # of damaged or encrypted archives
)
_ENCODING = "Declare reader.encoding, such as cp1252, or convert the file to UTF-8"


def read_csv(
    files: Any,
    path: str,
    spec: SourceSpec,
    where: str,
    block_bytes: int = BLOCK_BYTES,
    dialect: Dialect = PLAIN,
    end: FileEnd | None = None,
    before: ReadBefore | None = None,
) -> Iterator[Batch]:
    """Yield the declared columns of a CSV file as text.

    Parameters
    ----------
    block_bytes
        How much is read at once.
    dialect
        How its cells are written.
    end
        Learns where a file in UTF-8 ended.
    before
        What was read before: only rows after it are returned.

    Raises
    ------
    MissingFile, SchemaChanged
        With the row (1 is the first one below the header) or the line, and nothing of the file is ingested.
    """
    parser = _Parser(spec, where, dialect, before)
    try:
        with opened(files, path, spec, where) as file:
            text: Any = file if dialect.encoding is None else TranscodedStream(file, dialect.encoding)
            text = text if end is None else HashedStream(file, before)
            for block in row_blocks(text, block_bytes, dialect=dialect):
                yield parser.parse(block)
            parser.require_header()
            if end is not None:
                end.text = text.end
    except FileNotFoundError:
        raise gone(spec, where, path) from None
    except NotInEncoding as bad:
        raise parser.wrong_encoding(bad) from None
    except BadQuote as bad:
        raise parser.bad_quote(bad) from None
    except _UNREADABLE as error:
        raise SchemaChanged(spec.name, where, f"not readable as CSV: {error}", "Repair the file.") from None


class _Parser:
    """Parses the blocks of one file in order, and knows how many rows came before."""

    def __init__(self, spec: SourceSpec, where: str, dialect: Dialect, before: ReadBefore | None = None) -> None:
        self._spec, self._where, self._dialect = spec, where, dialect
        self._header: list[str] | None = None
        self._rows = before.rows if before else 0
        self._lines = before.lines - before.header.count(b"\n") if before else 0
        self._convert = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(spec.columns, pa.string()),
            include_columns=list(spec.columns),
            null_values=list(dict.fromkeys(("", *spec.reader.null_values))),
            strings_can_be_null=True,
            include_missing_columns=True,  # those that may be missing are null
        )

    def parse(self, block: bytes) -> Batch:
        """Return the declared columns of a block's rows; the first block begins with the header."""
        start = 0
        if self._header is None:
            start = first_row_end(block, self._dialect)
            self._header = self._read_header(block[:start])
            self._require_names(self._header)
            require_columns(self._header, self._spec, self._where)
        rows = block[start:] if start else block
        first_line = self._lines + block.count(b"\n", 0, start)
        try:
            lines = partial(row_lines, rows, first_line, dialect=self._dialect)
            batch = Batch(self._table(rows, self._convert), lines=lines, is_utf8=True, columns=self._header)
        except pa.ArrowInvalid as error:
            batch = self._separated(rows, first_line, error)
        self._rows += batch.rows
        self._lines += block.count(b"\n")
        return batch

    def _separated(self, rows: bytes, first_line: int, error: Exception) -> Batch:
        """Return the rows of a block apart from what is no row, where the source accepts that."""
        refuses = on_error_of(self._spec) == "quarantine"
        if not accepts_dirty_rows(self._spec):
            raise self._unreadable(rows, error)
        separated = separate_rows(rows, self._header or (), self._spec, first_line, self._dialect)
        if separated.refused and not refuses:
            raise self._unreadable(rows, error)
        return separated

    def require_header(self) -> None:
        """Raise unless there was a header."""
        if self._header is None:
            raise self._error("the file is empty: it has no header", "Repair the file.")

    def bad_quote(self, bad: BadQuote) -> SchemaChanged:
        """Return the error for a quote that does not pair."""
        rows = sum(1 for row in split_rows(bad.before, self._dialect) if row) - (self._header is None)
        place = f"row {self._rows + rows + 1}" if rows >= 0 else "header"
        where = f"{self._where}: {place} (line {self._lines + bad.lines + 1})"
        remedy = "Repair the file; inside quotes, write a quote as two."
        closed = "" if bad.lines_closed is None else f"; the text is in line {self._lines + bad.lines_closed + 1}"
        return SchemaChanged(self._spec.name, where, bad.problem + closed, remedy)

    def _table(self, rows: bytes, convert: Any, parse: Any = None, *, use_threads: bool = True) -> pa.Table:
        if not rows:
            return pa.table({name: pa.array([], pa.string()) for name in self._spec.columns})
        names = _distinct(self._header or (), self._spec)
        read = pa.csv.ReadOptions(column_names=names, block_size=len(rows) + 1, use_threads=use_threads)
        parse = parse or self._parse_options()
        return pa.csv.read_csv(pa.py_buffer(rows), read_options=read, parse_options=parse, convert_options=convert)

    def _parse_options(self, **options: Any) -> Any:
        signs = {"delimiter": self._dialect.separator, "quote_char": self._dialect.quote}
        return pa.csv.ParseOptions(newlines_in_values=True, **signs, **options)

    def _read_header(self, row: bytes) -> list[str]:
        if b"\x00" in row or row.startswith((b"\xff\xfe", b"\xfe\xff")):
            remedy = "Unpack archives; for another encoding, declare reader.encoding, such as utf-16."
            raise self._error("not a text file in UTF-8: its header has NUL bytes", remedy)
        try:
            text = row.decode()
        except UnicodeDecodeError as error:
            raise self._error(f"its header is not text in UTF-8: {error}", f"{_ENCODING}.") from None
        return next(iter(split_rows(text, self._dialect)), [])

    def _require_names(self, header: Sequence[str]) -> None:
        """Raise where the first row is no header of the declared columns, or is not separated by commas."""
        if set(header) & set(self._spec.columns):
            return
        text = self._dialect.separator.join(header)
        other = next((sign for sign in ",;\t|" if set(text.split(sign)) & set(self._spec.columns)), None)
        problem = "none of the declared columns is in the header"
        if other is not None:
            written = '"\\t"' if other == "\t" else f'"{other}"'
            raise self._error(f"{problem}; its cells are separated by {other!r}", f"Declare separator: {written}.")
        remedy = f"Write the columns' names in the first row; declared are {listed(self._spec.columns)}."
        raise self._error(f"{problem}, which is {text[:60]!r}", remedy)

    def _unreadable(self, rows: bytes, error: Exception) -> SchemaChanged:
        """Return the error for the first row that has too many or too few cells, or text in another encoding."""
        ragged: list[Any] = []

        def note(row: Any) -> str:
            ragged.append(row)
            return "error"

        parse = self._parse_options(invalid_row_handler=note)
        as_bytes = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(self._spec.columns, pa.binary()),
            include_columns=list(self._spec.columns),
            include_missing_columns=True,
        )
        try:
            table = self._table(rows, as_bytes, parse, use_threads=False)
        except pa.ArrowInvalid:
            if not ragged:
                return self._error(f"not readable as CSV: {error}", "Repair the file.")
            row = ragged[0]
            counts = (
                f"{row.actual_columns} cell{'s' * (row.actual_columns != 1)}, and the header {row.expected_columns}"
            )
            problem = f"it has {counts}: {row.text[:60]!r}"
            sign = "a comma" if self._dialect.separator == "," else repr(self._dialect.separator)
            return self._error(problem, f"Repair the file; {sign} inside a cell needs quotes.", row.number)
        return self._not_utf8(table, error)

    def _not_utf8(self, table: pa.Table, error: Exception) -> SchemaChanged:
        bad = [(place, name) for name in self._spec.columns if (place := first_not_utf8(table[name])) is not None]
        if not bad:
            return self._error(f"not readable as CSV: {error}", "Repair the file.")
        (row, cell), name = min(bad)
        problem = f"column {name}: {cell[:60]!r} is not text in UTF-8"
        return self._error(problem, f"{_ENCODING}.", row + 1, column=name)

    def wrong_encoding(self, bad: NotInEncoding) -> SchemaChanged:
        """Return the error for bytes that are no text in the declared encoding."""
        problem = f"line {bad.lines + 1}: {bad.sign[:20]!r} is not text in {self._dialect.encoding}"
        return self._error(problem, "Correct reader.encoding, or the file.")

    def _error(self, problem: str, remedy: str, row: int | None = None, column: str | None = None) -> SchemaChanged:
        where = self._where if row is None else f"{self._where}: row {self._rows + row}"
        return SchemaChanged(self._spec.name, where, problem, remedy, column=column)


def _distinct(header: Sequence[str], spec: SourceSpec) -> list[str]:
    """Return names for Arrow, which takes each once: those that are not declared are numbered."""
    return [name if name in spec.columns else f"\x00{number}" for number, name in enumerate(header)]

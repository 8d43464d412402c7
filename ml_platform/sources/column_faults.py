"""Cells of one column that do not fit: an error for the first one, or notes where a policy accepts bad cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.errors import ColumnChanged, NaiveTimestamp, SchemaChanged, SourceError
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.bad_cells import NOT_CONVERTED, BadCells, Convert, Reason, not_utf8, unconvertible
from ml_platform.sources.local_times import INSTANT

_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")
_ARTICLES = {
    "string": "a string",
    "int": "an int of 64 bits",
    "float": "a float",
    "bool": "a bool",
    "timestamp": "a timestamp in ISO 8601 to the microsecond, such as 2024-05-31T18:30:00Z",
}


class ColumnFaults:
    """What happens with the bad cells of one column of one table.

    Parameters
    ----------
    where
        The part that is read, such as a file.
    rows
        How many rows of the part came before, and the 0-based place of each row of the table after them.
    bad
        Takes the bad cells; None where the first one is an error.
    """

    def __init__(
        self, spec: SourceSpec, name: str, where: str, rows: tuple[int, Sequence[int]], bad: BadCells | None
    ) -> None:
        self._spec, self._name, self._where, (self._first_row, self._rows) = spec, name, where, rows
        self._type = spec.columns[name].type
        self._bad = bad
        self.read: Any = None
        """The cells as they were read."""

    def without(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return values with nulls in the place of those that were noted."""
        return values if self._bad is None else self._bad.without(self._name, values)

    def converted(self, values: pa.ChunkedArray, convert: Convert) -> pa.ChunkedArray:
        """Return converted values.

        Raises
        ------
        SchemaChanged
            For the first one that cannot be converted.
        """
        try:
            return convert(values)
        except NOT_CONVERTED:
            if self._bad is None:
                raise self._unreadable(values, convert) from None
        problem = f"is not {_ARTICLES[self._type]}"
        self._bad.note(self._name, "wrong_value", problem, unconvertible(values, convert), self.read)
        return convert(self.without(values))

    def refuse(
        self,
        bad: pa.ChunkedArray,
        reason: Reason,
        what: str,
        values: pa.ChunkedArray | None = None,
        remedy: str = "Correct the data.",
    ) -> None:
        """Refuse cells that are `what`; the error shows the first of `values`, as a text in the input has it.

        Raises
        ------
        SourceError
        """
        if self._bad is not None:
            self._bad.note(self._name, reason, f"is {what}", bad, self.read)
            return
        row = pc.index(bad, True).as_py()
        if row >= 0:
            if values is not None and self.read is not None and is_text(self.read.type):
                values = self.read
            problem_text = (
                f"column {self._name} has {what}" if values is None else f"{self._shown(values, row)} is {what}"
            )
            raise SourceError(self._spec.name, self._place(row), problem_text, remedy, column=self._name)

    def refuse_naive(self, bad: pa.ChunkedArray, values: pa.ChunkedArray) -> None:
        """Refuse times without a zone.

        Raises
        ------
        NaiveTimestamp, SchemaChanged
        """
        if self._bad is not None:
            if is_text(values.type):
                other = pc.and_(bad, pc.invert(pc.match_substring_regex(values, rf"^{_DATED.pattern}")))
                self._bad.note(self._name, "wrong_value", f"is not {_ARTICLES['timestamp']}", other, self.read)
            self._bad.note(self._name, "no_time_zone", "has no time zone", bad, self.read)
            return
        row = pc.index(bad, True).as_py()
        if row >= 0 and is_text(values.type) and not _DATED.match(str(values[row])):
            raise self._unreadable(values[row : row + 1], lambda part: part.cast(INSTANT), row)
        if row >= 0:
            remedy = "Write timestamps with an offset such as Z, or declare the column's zone."
            problem = f"{self._shown(values, row)} has no time zone"
            raise NaiveTimestamp(self._spec.name, self._place(row), problem, remedy, column=self._name)

    def refuse_null(self, values: pa.ChunkedArray, problem: str, remedy: str, accepted: pa.Array | None = None) -> None:
        """Refuse nulls, but for those in rows that are `accepted`.

        Raises
        ------
        SourceError
        """
        if not values.null_count:
            return
        nulls = pc.is_null(values) if accepted is None else pc.and_not(pc.is_null(values), accepted)
        if self._bad is not None:
            self._bad.note(self._name, "missing_value", f"is {problem}", nulls, self.read)
            return
        row = pc.index(nulls, True).as_py()
        if row >= 0:
            problem_text = f"column {self._name} is {problem}"
            raise SourceError(self._spec.name, self._place(row), problem_text, remedy, column=self._name)

    def in_utf8(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return texts of which some are not in UTF-8 without them.

        Raises
        ------
        SchemaChanged
        """
        cells = values.cast(pa.large_binary() if pa.types.is_large_string(values.type) else pa.binary())
        if self._bad is None:
            row, cell = first_not_utf8(cells) or (0, b"")
            problem = f"column {self._name}: {cell[:60]!r} is not text in UTF-8"
            raise SchemaChanged(self._spec.name, self._place(row), problem, "Correct the data.", column=self._name)
        self._bad.note(self._name, "not_utf8", "is not text in UTF-8", not_utf8(cells), cells)
        return self.without(cells).cast(values.type)

    def wrong_type(self, values: pa.ChunkedArray) -> ColumnChanged:
        """Return the error for a column of a type that cannot become the declared one, whatever its values."""
        problem = f"column {self._name} is {values.type}, declared {self._type}"
        remedy = "Correct the declared type, or the data."
        return ColumnChanged(self._spec.name, self._where, problem, remedy, column=self._name)

    def _unreadable(self, values: pa.ChunkedArray, convert: Convert, first: int = 0) -> SchemaChanged:
        """Return the error for the first row that cannot be converted, found by halving."""
        start, end = 0, len(values)
        while end - start > 1:
            middle = (start + end) // 2
            try:
                convert(values[start:middle])
                start = middle
            except NOT_CONVERTED:
                end = middle
        problem = f"{self._shown(values, start)} is not {_ARTICLES[self._type]}"
        if self._type == "int" and pa.types.is_floating(values.type):
            problem += ", or is a float too large to be an exact int"
        remedy = "Correct the declared type, or the data; reader.null_values lists texts that mean null."
        error = SchemaChanged(self._spec.name, self._place(first + start), problem, remedy, column=self._name)
        if first == start == 0 and unconvertible(values, convert).true_count == len(values) - values.null_count:
            error.read_as = str(values.type)
        return error

    def _shown(self, values: pa.ChunkedArray, row: int) -> str:
        try:
            text = str(values[row].as_py())
        except (OverflowError, ValueError):  # no such date in Python
            text = str(values.slice(row, 1).cast(pa.string())[0])
        return f"column {self._name}: {text[:60]!r}"

    def _place(self, row: int) -> str:
        return f"{self._where}: row {self._first_row + self._rows[row] + 1}"


def first_not_utf8(cells: pa.ChunkedArray) -> tuple[int, bytes] | None:
    """Return the row and the bytes of the first binary cell that is not text in UTF-8."""
    for row, cell in enumerate(cells.to_pylist()):
        try:
            (cell or b"").decode()
        except UnicodeDecodeError:
            return row, cell
    return None


def is_text(kind: pa.DataType) -> bool:
    """Return whether cells are texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))

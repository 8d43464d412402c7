"""From rows as they were read to rows as they are declared: types, nulls, zones.

Nothing is guessed. What does not fit is an error that names the file, the column and
the row, and nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import NaiveTimestamp, SchemaChanged, SourceError
from ml_platform.declarations.source import Column, ColumnType, SourceSpec
from ml_platform.sources.deletions import deleting_rows
from ml_platform.sources.exact_integers import ints_of_floats, ints_of_text
from ml_platform.sources.local_times import INSTANT, floor_to_micros, instants_of

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""The instants that exist: of the years 1 to 9999, in UTC."""
TYPES: dict[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": INSTANT,
}
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")
_ZONED = r"\d{2}:\d{2}.*(Z|[+-]\d{2}(:?\d{2})?)$"


def conform(table: pa.Table, spec: SourceSpec, where: str, first_row: int = 0) -> pa.Table:
    """Return the declared columns in their declared types; NaN is null, instants are UTC microseconds.

    Parameters
    ----------
    first_row
        How many rows of the same file came before these.

    Raises
    ------
    SchemaChanged, NaiveTimestamp, SourceError
        With the column and the first row (1 is the first data row) that does not fit.
    """
    columns = {name: _Column(spec, name, where, first_row) for name in spec.columns}
    found = pa.table({name: column.conform(table[name]) for name, column in columns.items()})
    deleting = deleting_rows(spec, found)
    for name, column in columns.items():
        column.require_values(found[name], deleting)
    return found


class _Column:
    """One declared column, and how what was read becomes it."""

    def __init__(self, spec: SourceSpec, name: str, where: str, first_row: int) -> None:
        self._spec, self._name, self._where, self._first_row = spec, name, where, first_row
        self._declared: Column = spec.columns[name]

    def conform(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        values = self._decoded(values)
        empty = pa.types.is_null(values.type)
        return values.cast(TYPES[self._declared.type]) if empty else self._typed(values)

    def _decoded(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return plain values of encoded ones; text is UTF-8."""
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        if pa.types.is_run_end_encoded(values.type):
            values = pa.chunked_array([pc.run_end_decode(chunk) for chunk in values.chunks], values.type.value_type)
        if pa.types.is_string_view(values.type):
            values = values.cast(pa.string())
        if _is_text(values.type) and not self._spec.reader.reads_text:
            try:
                values.validate(full=True)
            except pa.ArrowInvalid:
                raise self._not_utf8(values) from None
        return values

    def _not_utf8(self, values: pa.ChunkedArray) -> SchemaChanged:
        kind = pa.large_binary() if pa.types.is_large_string(values.type) else pa.binary()
        row, cell = first_not_utf8(values.cast(kind)) or (0, b"")
        problem = f"column {self._name}: {cell[:60]!r} is not text in UTF-8"
        return SchemaChanged(self._spec.name, self._place(row), problem, "Correct the data.", column=self._name)

    def _typed(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        convert = {
            "string": self._strings,
            "int": self._ints,
            "float": self._floats,
            "bool": self._bools,
            "timestamp": self._instants,
        }[self._declared.type]
        if _is_text(values.type) and self._declared.type != "string":
            values = pc.utf8_trim_whitespace(values)
        return convert(values)

    def _strings(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        if not _is_text(values.type):
            raise self._wrong_type(values)
        return self._cast(values, pa.string())

    def _ints(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        kind = values.type
        if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
            return self._cast(values, pa.int64())
        if _is_text(kind):
            return self._cast(values, pa.int64(), ints_of_text)
        if pa.types.is_floating(kind):
            return self._cast(values, pa.int64(), ints_of_floats)
        raise self._wrong_type(values)

    def _floats(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        kind = values.type
        if not (_is_text(kind) or pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
            raise self._wrong_type(values)
        if pa.types.is_decimal(kind):  # Arrow's own conversion of decimals is up to a bit off
            values = values.cast(pa.string())
        numbers = self._cast(values, pa.float64())
        numbers = pc.if_else(pc.fill_null(pc.is_nan(numbers), False), pa.scalar(None, pa.float64()), numbers)
        self._refuse(pc.is_inf(numbers), "an infinite number")
        return numbers

    def _bools(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        if not (_is_text(values.type) or pa.types.is_boolean(values.type)):
            raise self._wrong_type(values)
        return self._cast(values, pa.bool_())

    def _instants(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        if _is_text(values.type):
            return self._existing(self._instants_of_text(values), values)
        if not (pa.types.is_date(values.type) or pa.types.is_timestamp(values.type)):
            raise self._wrong_type(values)
        zoned = pa.types.is_timestamp(values.type) and values.type.tz is not None
        plain = self._cast(
            values.cast(pa.timestamp("s")) if pa.types.is_date(values.type) else values, INSTANT, floor_to_micros
        )
        plain = self._existing(plain, values)
        return plain.cast(INSTANT) if zoned else self._existing(self._in_declared_zone(plain), values)

    def _existing(self, instants: pa.ChunkedArray, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return instants of the years that exist; others are an error."""
        micros = instants.cast(pa.int64())
        first, last = to_micros(FIRST), to_micros(LAST)
        ends = pc.min_max(micros).as_py()
        if ends["min"] is not None and (ends["min"] < first or ends["max"] > last):
            beyond = pc.or_(pc.less(micros, first), pc.greater(micros, last))
            if self._spec.reader.has_infinite_times:
                self._refuse(beyond, "infinity, or a time outside the years 1 to 9999")
            self._refuse(beyond, "outside the years 1 to 9999", values)
        return instants

    def _instants_of_text(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        zoned = pc.fill_null(pc.match_substring_regex(values, _ZONED), True)
        if pc.all(zoned).as_py() is not False:
            return self._cast(values, INSTANT)
        if self._declared.zone is None:
            self._refuse_naive(pc.invert(zoned), values)
        nothing = pa.scalar(None, values.type)
        naive = self._cast(pc.if_else(zoned, nothing, values), pa.timestamp("us"))
        stated = self._cast(pc.if_else(zoned, values, nothing), INSTANT)
        return pc.coalesce(stated, self._in_declared_zone(self._existing(naive, values)))

    def _in_declared_zone(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return times without an offset as instants; those that clocks repeat or skip need a declared meaning."""
        zone = self._declared.zone
        if zone is None:
            self._refuse_naive(pc.is_valid(values), values)
            return values.cast(INSTANT)
        try:
            instants, repeated, skipped = instants_of(values, zone, self._declared.dst)
        except pa.ArrowInvalid as error:
            problem = f"column {self._name}: its zone {zone} cannot be read: {error}"
            remedy = "Install the time zone database of the system (tzdata)."
            raise SourceError(self._spec.name, self._where, problem, remedy, column=self._name) from None
        by_offset = "Write timestamps with an offset such as -04:00, or declare for the column"
        remedy = f"{by_offset} dst: earlier or dst: later."
        self._refuse(repeated, f"a time that clocks in {zone} show twice", values, remedy)
        remedy = f"{by_offset} dst: shift_forward."
        self._refuse(skipped, f"a time that clocks in {zone} skip", values, remedy)
        return instants

    def _cast(
        self,
        values: pa.ChunkedArray,
        kind: pa.DataType,
        cast: Callable[[pa.ChunkedArray], pa.ChunkedArray] | None = None,
    ) -> pa.ChunkedArray:
        convert = cast or (lambda part: part.cast(kind))
        try:
            return convert(values)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise self._unreadable(values, convert) from None

    def _unreadable(
        self, values: pa.ChunkedArray, convert: Callable[[pa.ChunkedArray], pa.ChunkedArray], first: int = 0
    ) -> SchemaChanged:
        """Return the error for the first row that cannot be converted, found by halving."""
        start, end = 0, len(values)
        while end - start > 1:
            middle = (start + end) // 2
            try:
                convert(values[start:middle])
                start = middle
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                end = middle
        problem = f"{self._told(values, start)} is not {_ARTICLES[self._declared.type]}"
        if self._declared.type == "int" and pa.types.is_floating(values.type):
            problem += ", or is a float so large that it stands for several ints"
        remedy = "Correct the declared type, or the data; reader.null_values names texts that stand for null."
        return SchemaChanged(self._spec.name, self._place(first + start), problem, remedy, column=self._name)

    def require_values(self, values: pa.ChunkedArray, deleting: pa.Array) -> None:
        """Raise where a required value is null, in a row that does not delete one."""
        if not (self._declared.required and values.null_count):
            return
        row = pc.index(pc.and_not(pc.is_null(values), deleting), True).as_py()
        if row >= 0:
            remedy = "Give the value, or declare the column without required."
            problem = f"column {self._name} is required and null"
            raise SourceError(self._spec.name, self._place(row), problem, remedy, column=self._name)

    def _refuse(
        self,
        bad: pa.ChunkedArray,
        what: str,
        values: pa.ChunkedArray | None = None,
        remedy: str = "Correct the data.",
    ) -> None:
        row = pc.index(bad, True).as_py()
        if row >= 0:
            found = f"column {self._name} has {what}" if values is None else f"{self._told(values, row)} is {what}"
            raise SourceError(self._spec.name, self._place(row), found, remedy, column=self._name)

    def _refuse_naive(self, bad: pa.ChunkedArray, values: pa.ChunkedArray) -> None:
        row = pc.index(bad, True).as_py()
        if row >= 0 and _is_text(values.type) and not _DATED.match(str(values[row])):
            raise self._unreadable(values[row : row + 1], lambda part: part.cast(INSTANT), row)
        if row >= 0:
            remedy = "Write timestamps with an offset such as Z, or declare the column's zone."
            problem = f"{self._told(values, row)} has no time zone"
            raise NaiveTimestamp(self._spec.name, self._place(row), problem, remedy, column=self._name)

    def _wrong_type(self, values: pa.ChunkedArray) -> SchemaChanged:
        problem = f"column {self._name} is {values.type}, declared {self._declared.type}"
        remedy = "Correct the declared type, or the data."
        return SchemaChanged(self._spec.name, self._where, problem, remedy, column=self._name)

    def _told(self, values: pa.ChunkedArray, row: int) -> str:
        try:
            found = str(values[row].as_py())
        except (OverflowError, ValueError):  # no such date in Python
            found = str(values.slice(row, 1).cast(pa.string())[0])
        return f"column {self._name}: {found[:60]!r}"

    def _place(self, row: int) -> str:
        return f"{self._where}: row {self._first_row + row + 1}"


_ARTICLES = {
    "string": "a string",
    "int": "an int of 64 bits",
    "float": "a float",
    "bool": "a bool",
    "timestamp": "a timestamp in ISO 8601 to the microsecond, such as 2024-05-31T18:30:00Z",
}


def first_not_utf8(cells: pa.ChunkedArray) -> tuple[int, bytes] | None:
    """Return the row and the bytes of the first binary cell that is not text in UTF-8."""
    for row, cell in enumerate(cells.to_pylist()):
        try:
            (cell or b"").decode()
        except UnicodeDecodeError:
            return row, cell
    return None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))

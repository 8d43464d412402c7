"""From rows as they were read to rows as they are declared: types, nulls, zones.

Nothing is guessed. What does not fit is an error that names the file, the column and the row, unless a policy is
declared for it: then the cell is noted, and the ingest continues without its row or its value.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import SourceError
from ml_platform.declarations.source import Column, ColumnType, SourceSpec
from ml_platform.sources.bad_cells import BadCells
from ml_platform.sources.column_faults import ColumnFaults, is_text
from ml_platform.sources.decimal_marks import with_points
from ml_platform.sources.deletions import deleting_rows
from ml_platform.sources.exact_integers import ints_of_floats, ints_of_text
from ml_platform.sources.formatted_times import times_of_format
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
_ZONED = r"\d{2}:\d{2}.*(Z|[+-]\d{2}(:?\d{2})?)$"


def conform(
    table: pa.Table,
    spec: SourceSpec,
    where: str,
    first_row: int = 0,
    *,
    places: Sequence[int] | None = None,
    bad: BadCells | None = None,
    is_utf8: bool = False,
) -> pa.Table:
    """Return the declared columns in their declared types; NaN is null, instants are UTC microseconds.

    Parameters
    ----------
    first_row
        How many rows of the same file came before these.
    places
        The 0-based place of each row among those that were read, where some were left out.
    bad
        Takes cells that do not fit and whose column accepts that: they become null. Without it, they are errors.
    is_utf8
        Whether the reader has checked that texts are UTF-8.

    Raises
    ------
    SchemaChanged, NaiveTimestamp, SourceError
        With the column and the first row (1 is the first data row) that does not fit.
    """
    rows = range(table.num_rows) if places is None else places
    columns = {}
    for name in spec.columns:
        noted = bad if bad is not None and bad.accepts(name) else None
        columns[name] = _Column(spec, name, where, (first_row, rows), noted, is_utf8=is_utf8)
    conformed = pa.table({name: column.conform(table[name]) for name, column in columns.items()})
    deleting = deleting_rows(spec, conformed)
    for name, column in columns.items():
        column.require_values(conformed[name], deleting)
    return conformed


class _Column:
    """One declared column, and how what was read becomes it."""

    def __init__(
        self,
        spec: SourceSpec,
        name: str,
        where: str,
        rows: tuple[int, Sequence[int]],
        bad: BadCells | None,
        *,
        is_utf8: bool,
    ) -> None:
        self._spec, self._name, self._where, self._is_utf8 = spec, name, where, is_utf8
        self._declared: Column = spec.columns[name]
        self._faults = ColumnFaults(spec, name, where, rows, bad)

    def conform(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        values = self._faults.read = self._decoded(values)
        empty = pa.types.is_null(values.type)
        return self._faults.without(values.cast(TYPES[self._declared.type]) if empty else self._typed(values))

    def require_values(self, values: pa.ChunkedArray, deleting: pa.Array) -> None:
        """Refuse nulls where the column is required, but in rows that delete others."""
        if self._declared.required:
            remedy = "Give the value, or declare the column without required."
            self._faults.refuse_null(values, "required and null", remedy, deleting)

    def _decoded(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return plain values of encoded ones; text is UTF-8."""
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        if pa.types.is_run_end_encoded(values.type):
            values = pa.chunked_array([pc.run_end_decode(chunk) for chunk in values.chunks], values.type.value_type)
        if pa.types.is_string_view(values.type):
            values = values.cast(pa.string())
        if is_text(values.type) and not self._is_utf8:
            try:
                values.validate(full=True)
            except pa.ArrowInvalid:
                return self._faults.in_utf8(values)
        return values

    def _typed(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        convert = {
            "string": self._strings,
            "int": self._ints,
            "float": self._floats,
            "bool": self._bools,
            "timestamp": self._instants,
        }[self._declared.type]
        if is_text(values.type) and self._declared.type != "string":
            values = pc.utf8_trim_whitespace(values)
        return convert(values)

    def _strings(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        if not is_text(values.type):
            raise self._faults.wrong_type(values)
        return self._cast(values, pa.string())

    def _ints(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        kind = values.type
        if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
            return self._cast(values, pa.int64())
        if is_text(kind):
            return self._faults.converted(values, lambda part: ints_of_text(self._with_points(part)))
        if pa.types.is_floating(kind):
            return self._faults.converted(values, ints_of_floats)
        raise self._faults.wrong_type(values)

    def _floats(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        kind = values.type
        if not (is_text(kind) or pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
            raise self._faults.wrong_type(values)
        if pa.types.is_decimal(kind):  # Arrow's own conversion of decimals is up to a bit off
            values = values.cast(pa.string())
        numbers = self._faults.converted(values, lambda part: self._with_points(part).cast(pa.float64()))
        numbers = pc.if_else(pc.fill_null(pc.is_nan(numbers), False), pa.scalar(None, pa.float64()), numbers)
        self._faults.refuse(pc.is_inf(numbers), "infinite_number", "an infinite number")
        return numbers

    def _with_points(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        mark = self._spec.reader.decimal_mark
        return values if mark == "." or not is_text(values.type) else with_points(values, mark)

    def _bools(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        if not (is_text(values.type) or pa.types.is_boolean(values.type)):
            raise self._faults.wrong_type(values)
        return self._cast(values, pa.bool_())

    def _instants(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        if self._declared.format is not None and (is_text(values.type) or pa.types.is_integer(values.type)):
            return self._existing(self._formatted(values, self._declared.format), values)
        if is_text(values.type):
            return self._existing(self._instants_of_text(values), values)
        if not (pa.types.is_date(values.type) or pa.types.is_timestamp(values.type)):
            raise self._faults.wrong_type(values)
        zoned = pa.types.is_timestamp(values.type) and values.type.tz is not None
        dated = values.cast(pa.timestamp("s")) if pa.types.is_date(values.type) else values
        plain = self._faults.converted(dated, floor_to_micros)
        plain = self._existing(plain, values)
        return plain.cast(INSTANT) if zoned else self._existing(self._in_declared_zone(plain), values)

    def _formatted(self, values: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
        times, bad = times_of_format(values, pattern)
        remedy = "Correct the data, or the column's format."
        self._faults.refuse(bad, "wrong_value", f"no timestamp of the format {pattern}", values, remedy)
        return times if times.type.tz is not None else self._in_declared_zone(self._existing(times, values))

    def _existing(self, instants: pa.ChunkedArray, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return instants of the years that exist; others are an error."""
        micros = instants.cast(pa.int64())
        first, last = to_micros(FIRST), to_micros(LAST)
        ends = pc.min_max(micros).as_py()
        if ends["min"] is not None and (ends["min"] < first or ends["max"] > last):
            beyond = pc.or_(pc.less(micros, first), pc.greater(micros, last))
            if self._spec.reader.has_infinite_times:
                self._faults.refuse(beyond, "impossible_time", "infinity, or a time outside the years 1 to 9999")
            self._faults.refuse(beyond, "impossible_time", "outside the years 1 to 9999", values)
        return self._faults.without(instants)

    def _instants_of_text(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        zoned = pc.fill_null(pc.match_substring_regex(values, _ZONED), True)
        if pc.all(zoned).as_py() is not False:
            return self._cast(values, INSTANT)
        if self._declared.zone is None:
            self._faults.refuse_naive(pc.invert(zoned), values)
            return self._cast(self._faults.without(values), INSTANT)
        nothing = pa.scalar(None, values.type)
        naive = self._cast(pc.if_else(zoned, nothing, values), pa.timestamp("us"))
        stated = self._cast(pc.if_else(zoned, values, nothing), INSTANT)
        return pc.coalesce(stated, self._in_declared_zone(self._existing(naive, values)))

    def _in_declared_zone(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return times without an offset as instants; those that clocks repeat or skip need a declared meaning."""
        zone = self._declared.zone
        if zone is None:
            self._faults.refuse_naive(pc.is_valid(values), values)
            return self._faults.without(values).cast(INSTANT)
        try:
            instants, repeated, skipped = instants_of(values, zone, self._declared.dst)
        except pa.ArrowInvalid as error:
            problem = f"column {self._name}: its zone {zone} cannot be read: {error}"
            remedy = "Install the time zone database of the system (tzdata)."
            raise SourceError(self._spec.name, self._where, problem, remedy, column=self._name) from None
        declare = "declare for the column"
        by_offset = f"Write timestamps with an offset such as -04:00, or {declare}"
        if self._declared.format is not None:  # it has no place for an offset
            by_offset = f"Correct the data, or {declare}"
        remedy = f"{by_offset} dst: earlier or dst: later."
        self._faults.refuse(repeated, "repeated_time", f"a time that clocks in {zone} show twice", values, remedy)
        remedy = f"{by_offset} dst: shift_forward."
        self._faults.refuse(skipped, "skipped_time", f"a time that clocks in {zone} skip", values, remedy)
        return instants

    def _cast(self, values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
        return self._faults.converted(values, lambda part: part.cast(kind))

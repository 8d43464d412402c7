"""Parts of features over source rows, and over cells (`ml_platform.declarations.aggregates.PartialAggregate`).

Nulls are ignored by every measure but the newest row of ``as_of``. Sums are exact, so that no result depends on the
order of rows: those of whole numbers as they are, those of floats in limbs, each of which is a part
(`ml_platform.core.engines.float_limbs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ml_platform.core.engines.float_limbs import (
    SQUARE_UNITS,
    SUM_UNITS,
    Extent,
    Span,
    extent_of,
    extents_of_squares,
    in_pieces,
    limb_of_row,
    limb_sum,
    on_grid,
    square_of,
)
from ml_platform.core.engines.ibis_functions import epoch_us, newest_of
from ml_platform.core.expressions import parse_expression
from ml_platform.core.hashing import content_id
from ml_platform.declarations.aggregates import Feature, PartialAggregate
from ml_platform.declarations.source import ColumnType
from ml_platform.features.aggregates.value_counts import counted_lists

PLACE = "_place"
"""The place of a row in its source's log: the chunk's number times 2**32 plus the place in the chunk."""

EVENT_US = "_event"
ORDER = "_order"
DECIMAL = "decimal(38, 0)"
UNITS: Mapping[str, tuple[int, ...]] = {"sum": SUM_UNITS, "squares": SQUARE_UNITS}
_COUNTS = "counts_"
_PLACES = Decimal(2**64)


def without_limb(column: str) -> str:
    """Return a part's column without the number of its limb: the limbs of a sum are one part to a reader."""
    measure, digest, *_ = column.split("_")
    return f"{measure}_{digest}"


def parts_of(feature: Feature, columns: Mapping[str, ColumnType]) -> tuple[PartialAggregate, ...]:
    """Return the parts that are kept for a feature, over a source with these columns."""
    parts = (kept for part in feature.parts().values() for kept in kept_parts(part, columns))
    return tuple(dict.fromkeys(parts))


def kept_parts(part: PartialAggregate, columns: Mapping[str, ColumnType]) -> list[PartialAggregate]:
    """Return what is kept in cells for a part, over a source with these columns."""
    if part.measure in ("newest", "oldest"):
        return [part.order, part]
    if part.measure == "squares":
        known, total = replace(part, measure="known"), replace(part, measure="sum")
        return [known, *kept_parts(total, columns), *_limbs(part, columns)]
    return _limbs(part, columns)


def is_of_row(part: PartialAggregate) -> bool:
    """Return whether a part of one row alone is an expression over the row (`RowParts.of_each_row`)."""
    return part.measure in ("rows", "known", "least", "greatest", "sum", "squares")


def sums_floats(part: PartialAggregate, columns: Mapping[str, ColumnType]) -> bool:
    """Return whether a part sums floats, and not whole numbers or nothing."""
    return part.measure in UNITS and parse_expression(part.expression or "").check(columns) == "float"


def _limbs(part: PartialAggregate, columns: Mapping[str, ColumnType]) -> list[PartialAggregate]:
    if not sums_floats(part, columns):
        return [part]
    return [replace(part, limb=limb) for limb in range(len(UNITS[part.measure]))]


class RowParts:
    """Parts aggregated over source rows, with whatever several of them need worked out once for each row.

    Parameters
    ----------
    rows
        Source rows with ``_event`` and ``_place``, for Ibis.
    spans
        The smallest and the largest absolute value, beside zero, of every expression whose floats are summed: limbs
        that are zero in all of them are not computed.
    kept
        The columns of `rows` that are kept as they are.
    """

    def __init__(
        self, rows: Any, parts: Iterable[PartialAggregate], spans: Mapping[str, Span], kept: Sequence[str]
    ) -> None:
        self._parts, columns = list(parts), {ORDER: _order(rows)}
        self._spans = spans
        for part in self._parts:
            columns[self._name("value", part.expression)] = _value(rows, part)
            columns[self._name("where", part.where)] = _condition(rows, part.where)
        self.rows = rows.select(*kept, **columns)
        summed = {part for part in self._parts if part.measure in UNITS}
        whole = {self._name("value", part.expression) for part in summed if part.limb is None}
        self.rows = self.rows.mutate(**{f"{name}_whole": _whole(self.rows[name]) for name in sorted(whole)})
        limbs = [part for part in summed if part.limb is not None]
        self._floats = {self._family(part): self._extents(part) for part in limbs}
        squared = {part.expression or "" for part in limbs if part.measure == "squares"}
        self.rows = self.rows.mutate(**self._squares(sorted(squared)))
        self.rows = in_pieces(self.rows, {name: at for family in self._floats.values() for name, at in family.items()})

    def _squares(self, expressions: Iterable[str]) -> dict[str, Any]:
        """Return the squares of floats, each with what rounding took from it."""
        columns: dict[str, Any] = {}
        for text in expressions:
            name, extent = self._name("value", text), extent_of(self._spans[text])
            value = self.rows[name]
            if extent is not None and extent.low < SUM_UNITS[0]:
                value = on_grid(value)
            columns[f"{name}_square"], columns[f"{name}_error"] = square_of(value)
        return columns

    def _extents(self, part: PartialAggregate) -> dict[str, Extent]:
        """Return the columns of floats that a part adds up, with their extents; none where all are zero."""
        name, span = self._name("value", part.expression), self._spans[part.expression or ""]
        if part.measure == "sum":
            extent = extent_of(span)
            return {} if extent is None else {name: extent}
        extents = extents_of_squares(span)
        return {} if extents is None else dict(zip((f"{name}_square", f"{name}_error"), extents, strict=True))

    def _family(self, part: PartialAggregate) -> str:
        return self._name(part.measure, part.expression)

    def _name(self, what: str, text: str | None) -> str:
        return f"_{what}_{content_id(text)[:16]}"

    def aggregates(self, *, few: bool) -> dict[str, Any]:
        """Return every part by its column, over `rows`, but limbs that are zero everywhere.

        Parameters
        ----------
        few
            Whether no group has more than `FEW_ROWS` rows.
        """
        return {part.column: self._aggregate(part, few) for part in self._parts if not self._is_zero(part)}

    def of_each_row(self) -> dict[str, Any]:
        """Return what `aggregates` gives for groups of one row, by column, over `rows`; all parts are `is_of_row`."""
        return {part.column: self._of_row(part) for part in self._parts if not self._is_zero(part)}

    def _of_row(self, part: PartialAggregate) -> Any:
        import ibis

        rows, name = self.rows, self._name("value", part.expression)
        takes_part = rows[self._name("where", part.where)]
        if part.measure == "rows":
            return takes_part.cast("int64")
        if part.measure == "known":
            return (takes_part & rows[name].notnull()).cast("int64")
        if part.measure in ("least", "greatest"):
            return ibis.ifelse(takes_part, rows[name], ibis.null(rows[name].type()))
        if part.limb is None:
            whole = rows[f"{name}_whole"]
            whole = whole * whole if part.measure == "squares" else whole
            return or_zero(ibis.ifelse(takes_part, whole, ibis.null(DECIMAL)))
        limb = limb_of_row(rows, self._floats[self._family(part)], part.limb)
        return ibis.ifelse(takes_part, limb.fill_null(0), ibis.literal(0, limb.type()))

    def _is_zero(self, part: PartialAggregate) -> bool:
        if part.limb is None:
            return False
        return not any(part.limb in extent.limbs for extent in self._floats[self._family(part)].values())

    def _aggregate(self, part: PartialAggregate, few: bool) -> Any:
        import ibis

        rows = self.rows
        takes_part = None if part.where is None else rows[self._name("where", part.where)]
        if part.measure == "rows":
            return rows.count(where=takes_part)
        name = self._name("value", part.expression)
        value = rows[name]
        if part.measure in ("order", "newest", "earliest", "oldest"):
            order = rows[ORDER] if part.nulls else ibis.ifelse(value.isnull(), ibis.null(DECIMAL), rows[ORDER])
            return _by_order(part.measure, value, order, takes_part)
        if part.measure in ("least", "greatest"):
            return value.min(where=takes_part) if part.measure == "least" else value.max(where=takes_part)
        if part.measure == "known":
            return value.count(where=takes_part)
        if part.measure == "counts":
            return _comparable(value).collect(where=takes_part)
        if part.limb is not None:
            return limb_sum(rows, self._floats[self._family(part)], part.limb, takes_part, few=few).fill_null(0)
        whole = rows[f"{name}_whole"]
        return or_zero((whole * whole if part.measure == "squares" else whole).sum(where=takes_part))


def of_cells(cells: Any, part: PartialAggregate, counts: Any) -> Any:
    """Return a part aggregated over the cells that count, within a group, for Ibis."""
    column = cells[part.column]
    if part.measure in ("newest", "oldest"):
        return _by_order(part.measure, column, cells[part.order.column], counts)
    if part.measure in ("least", "earliest"):
        return column.min(where=counts)
    if part.measure in ("greatest", "order"):
        return column.max(where=counts)
    if part.measure == "counts":
        return column.collect(where=counts)
    total = (column if part.limb is None else column.cast(DECIMAL)).sum(where=counts)
    return total.cast("int64").fill_null(0) if part.measure in ("rows", "known") else or_zero(total)


def _by_order(measure: str, value: Any, order: Any, takes_part: Any) -> Any:
    """Return the value of the newest or of the oldest row of a group, or its place in the order."""
    import ibis

    if measure in ("order", "earliest"):
        return order.max(where=takes_part) if measure == "order" else order.min(where=takes_part)
    if measure == "oldest":  # Spark's own minus of one operand keeps 34 digits of a decimal
        order = ibis.literal(0, DECIMAL) - order
    return newest_of(value, order, takes_part)


def with_counts(cells: pa.Table) -> pa.Table:
    """Return cells from the engine with the values that each collected for a part of counts in their kept form."""
    for place, name in enumerate(cells.column_names):
        if name.startswith(_COUNTS):
            cells = cells.set_column(place, name, counted_lists(cells[name]))
    return cells


def _comparable(value: Any) -> Any:
    return epoch_us(value) if value.type().is_timestamp() else value


def _condition(rows: Any, text: str | None) -> Any:
    import ibis

    return ibis.literal(True) if text is None else parse_expression(text).to_ibis(rows).fill_null(False)


def _value(rows: Any, part: PartialAggregate) -> Any:
    return rows[EVENT_US] if part.expression is None else parse_expression(part.expression).to_ibis(rows)


def _order(rows: Any) -> Any:
    """Return the place of a row among all: by its event, then by when it became known, then by its key."""
    import ibis

    return rows[EVENT_US].cast(DECIMAL) * ibis.literal(_PLACES, DECIMAL) + rows[PLACE].cast(DECIMAL)


def _whole(value: Any) -> Any:
    return value.cast("int64").cast(DECIMAL)


def or_zero(total: Any) -> Any:
    """Return a sum as a decimal, 0 where it is null."""
    import ibis

    return total.cast(DECIMAL).fill_null(ibis.literal(0).cast(DECIMAL))

"""Parts: what a feature needs of the rows in a window, and how its value follows from them.

Features share parts: a mean and a deviation of the same expression count and sum once. Nulls are ignored by every
aggregate but ``as_of``. Sums are exact: floats are summed as decimals with six places, whole numbers as they are, so
that no result depends on the order of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import ibis

from ml_platform.clock import MICROSECOND, parse_duration
from ml_platform.engine.functions import float_of, half_to_even, newest_of
from ml_platform.expression import parse_expression
from ml_platform.identity import content_id
from ml_platform.spec.feature_table import Feature
from ml_platform.spec.resolve import SCALE
from ml_platform.spec.source import ColumnType

PLACE = "_place"
"""Where a row stands in its source's log: the chunk's number times 2**32 plus the place in the chunk."""

EVENT_US = "_event"
ORDER = "_order"
DECIMAL = "decimal(38, 0)"
_PLACES = Decimal(2**64)
_SECOND = parse_duration("1s") // MICROSECOND

Measure = Literal["rows", "known", "sum", "squares", "least", "greatest", "order", "newest"]


@dataclass(frozen=True)
class Part:
    """One aggregate over rows.

    Attributes
    ----------
    measure
        ``rows`` counts rows, ``known`` those whose expression is not null; ``order`` is where the newest row stands
        among all, and ``newest`` what its expression gives, or when it happened where there is no expression.
    where
        Only rows that meet this condition take part.
    nulls
        Whether the newest row may be one whose expression is null.
    """

    measure: Measure
    expression: str | None = None
    where: str | None = None
    nulls: bool = False

    @property
    def column(self) -> str:
        """The part's column in stored cells; equal parts have equal columns, in any table."""
        return f"{self.measure}_{content_id([self.measure, self.expression, self.where, self.nulls])[:16]}"

    @property
    def order(self) -> Part:
        """The order in which this part's row is the newest."""
        return Part("order", None if self.nulls else self.expression, self.where)


def parts_of(feature: Feature) -> tuple[Part, ...]:
    """Return the parts that a feature's value follows from."""
    text, where = feature.expression, feature.where
    if feature.aggregate in ("last", "as_of", "time_since_last"):
        newest = Part("newest", text, where, nulls=feature.aggregate == "as_of")
        return (newest.order, newest)
    return tuple(Part(measure, text if measure != "rows" else None, where) for measure in _MEASURES[feature.aggregate])


_MEASURES: Mapping[str, tuple[Measure, ...]] = {
    "count": ("rows",),
    "sum": ("sum",),
    "mean": ("known", "sum"),
    "share": ("known", "sum"),
    "std": ("known", "sum", "squares"),
    "min": ("least",),
    "max": ("greatest",),
}


class RowParts:
    """Parts aggregated over source rows, with whatever several of them need worked out once for each row.

    Parameters
    ----------
    rows
        Source rows with ``_event`` and ``_place``, for Ibis.
    """

    def __init__(self, rows: Any, parts: Iterable[Part]) -> None:
        self._parts, columns = list(parts), {ORDER: _order(rows)}
        for part in self._parts:
            columns[self._name("value", part.expression)] = _value(rows, part)
            columns[self._name("where", part.where)] = _condition(rows, part.where)
        self.rows = rows.mutate(**columns)
        summed = {self._name("value", p.expression) for p in self._parts if p.measure in ("sum", "squares")}
        self.rows = self.rows.mutate(**{f"{name}_whole": _whole(self.rows[name]) for name in sorted(summed)})

    def _name(self, what: str, text: str | None) -> str:
        return f"_{what}_{content_id(text)[:16]}"

    def aggregates(self) -> dict[str, Any]:
        """Return every part by its column, over `rows`."""
        return {part.column: self._aggregate(part) for part in self._parts}

    def _aggregate(self, part: Part) -> Any:
        rows = self.rows
        takes_part = None if part.where is None else rows[self._name("where", part.where)]
        if part.measure == "rows":
            return rows.count(where=takes_part)
        name = self._name("value", part.expression)
        value = rows[name]
        if part.measure in ("order", "newest"):
            order = rows[ORDER] if part.nulls else ibis.ifelse(value.isnull(), ibis.null(DECIMAL), rows[ORDER])
            return order.max(where=takes_part) if part.measure == "order" else newest_of(value, order, takes_part)
        if part.measure in ("least", "greatest"):
            return value.min(where=takes_part) if part.measure == "least" else value.max(where=takes_part)
        if part.measure == "known":
            return value.count(where=takes_part)
        whole = rows[f"{name}_whole"]
        return _or_zero((whole * whole if part.measure == "squares" else whole).sum(where=takes_part))


def of_cells(cells: Any, part: Part, counts: Any) -> Any:
    """Return a part aggregated over the cells that count, within a group, for Ibis."""
    column = cells[part.column]
    if part.measure == "newest":
        return newest_of(column, cells[part.order.column], counts)
    if part.measure == "least":
        return column.min(where=counts)
    if part.measure in ("greatest", "order"):
        return column.max(where=counts)
    total = column.sum(where=counts)
    return total.cast("int64").fill_null(0) if part.measure in ("rows", "known") else _or_zero(total)


def _condition(rows: Any, text: str | None) -> Any:
    return ibis.literal(True) if text is None else parse_expression(text).to_ibis(rows).fill_null(False)


def _value(rows: Any, part: Part) -> Any:
    return rows[EVENT_US] if part.expression is None else parse_expression(part.expression).to_ibis(rows)


def _order(rows: Any) -> Any:
    """Return where a row stands among all: by its event, then by when it became known, then by its key."""
    return rows[EVENT_US].cast(DECIMAL) * ibis.literal(_PLACES, DECIMAL) + rows[PLACE].cast(DECIMAL)


def _whole(value: Any) -> Any:
    """Return values as whole numbers: floats in millionths, the half to the even one."""
    whole = half_to_even(value * SCALE) if value.type().is_floating() else value.cast("int64")
    return whole.cast(DECIMAL)


def _or_zero(total: Any) -> Any:
    return total.cast(DECIMAL).fill_null(ibis.literal(0).cast(DECIMAL))


@dataclass(frozen=True)
class Answer:
    """How a feature's value follows from its parts.

    Attributes
    ----------
    kind
        The type of the feature's columns.
    scale
        What its sums are counted in: 1 for whole numbers, a million for floats.
    """

    feature: Feature
    kind: ColumnType
    scale: int

    def value(self, parts: Mapping[Measure, Any], tick: Any) -> Any:
        """Return a feature's value from its parts, by measure, for Ibis.

        An empty window has count 0 and sum 0; its mean, share and deviation are null. ``std`` is the deviation of a
        sample, with n - 1 below the line (https://en.wikipedia.org/wiki/Standard_deviation), null for fewer than two
        rows. Time since the last row is in seconds, up to the tick in microseconds.
        """
        aggregate = self.feature.aggregate
        if aggregate == "count":
            return parts["rows"]
        if aggregate in ("min", "max", "last", "as_of"):
            return parts["least" if aggregate == "min" else "greatest" if aggregate == "max" else "newest"]
        if aggregate == "time_since_last":
            return (tick - parts["newest"]).cast("float64") / float(_SECOND)
        if aggregate == "sum":
            total = parts["sum"]
            return total.cast("int64") if self.kind == "int" else float_of(total) / float(self.scale)
        count = parts["known"].cast("float64")
        if aggregate == "std":
            n, s, q = (parts[measure].cast(DECIMAL) for measure in ("known", "sum", "squares"))
            spread = float_of(n * q - s * s) / (count * (count - 1))
            return ibis.ifelse(n > 1, spread.sqrt() / float(self.scale), ibis.null("float64"))
        return ibis.ifelse(count > 0, float_of(parts["sum"]) / (count * float(self.scale)), ibis.null("float64"))

"""Parts: what an aggregate needs of the rows in a window. They are kept in cells, and merged over a window.

Features share parts: a mean and a deviation of the same expression count and sum once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ml_platform.core.hashing import content_id

if TYPE_CHECKING:
    import pyarrow as pa

    from ml_platform.core.engines.interval_index import Ints

Measure = Literal[
    "rows", "known", "sum", "squares", "least", "greatest", "order", "newest", "earliest", "oldest", "counts"
]


@dataclass(frozen=True)
class PartialAggregate:
    """One measure of rows.

    Attributes
    ----------
    measure
        What it is, and what it is in `Merged`, over the cells of a window:

        ========== =====================================================================================
        rows       how many rows there are
        known      in how many of them the expression is not null
        sum        the exact sum of the expression; 0 where there is none
        squares    n times the sum of squares, less the square of the sum: the variance times n (n - 1)
        least      the smallest value; null where there is none, as for the rest
        greatest   the greatest value
        newest     what the expression gives for the newest row; when that happened where there is none
        oldest     the same for the oldest row
        counts     what `Feature.of_counts` gives of the distinct values and their numbers
        ========== =====================================================================================

        ``order``, by which a row is the newest, is kept beside ``newest``, and ``earliest`` beside ``oldest``.
    where
        Only rows that meet this condition take part.
    nulls
        Whether the newest row may be one whose expression is null.
    limb
        Which digits of a float are summed; None for whole numbers. Aggregates leave it out.
    """

    measure: Measure
    expression: str | None = None
    where: str | None = None
    nulls: bool = False
    limb: int | None = None

    @property
    def column(self) -> str:
        """The part's column in stored cells; equal parts have equal columns, in any table."""
        digits = "" if self.limb is None else f"_{self.limb:02}"
        return f"{self.measure}_{content_id([self.measure, self.expression, self.where, self.nulls])[:16]}{digits}"

    @property
    def order(self) -> PartialAggregate:
        """The order in which this part's row is the newest, or the oldest."""
        measure: Measure = "earliest" if self.measure == "oldest" else "order"
        return PartialAggregate(measure, None if self.nulls else self.expression, self.where)


@dataclass(frozen=True)
class Merged:
    """The parts of an aggregate over a window, as columns for Ibis with one row for each question.

    Attributes
    ----------
    parts
        By the names that the aggregate gave them.
    tick
        The tick that is asked about, in int64 microseconds since 1970 UTC; of a label, when it is settled. None for a
        feature that does not declare `Feature.reads_tick`: published values are not computed again for each tick.
    asked, end
        The prediction time of a label, and the end of its window, in the same way; None for a feature.
    """

    parts: Mapping[str, Any]
    tick: Any
    asked: Any = None
    end: Any = None

    def __getitem__(self, name: str) -> Any:
        return self.parts[name]

    def number(self, name: str) -> Any:
        """Return a part as float64: the nearest float to what is exact until here."""
        from ml_platform.core.engines.ibis_functions import float_of

        part = self.parts[name]
        return part if part.type().is_floating() else float_of(part)

    def per(self, name: str, count: Any, least: int = 1) -> Any:
        """Return a part divided by a count as float64; null where the count is smaller than `least`."""
        import ibis

        return ibis.ifelse(count >= least, self.number(name) / count.cast("float64"), ibis.null("float64"))


@dataclass(frozen=True)
class ValueCounts:
    """The distinct values of an expression, and how many rows have each, for many windows at once; nulls are left out.

    Attributes
    ----------
    starts
        Where each window's values begin, and after the last one the end: values ``starts[i]`` to ``starts[i + 1]``
        are those of window `i`, and rise. Texts are ordered by code points.
    values
        The values of all windows, one after the other; instants in int64 microseconds since 1970 UTC.
    counts
        How many rows have each value.
    """

    starts: Ints
    values: pa.Array
    counts: Ints

    @property
    def distinct(self) -> Ints:
        """How many distinct values each window has."""
        number: Ints = self.starts[1:] - self.starts[:-1]
        return number

    @property
    def ends(self) -> Ints:
        """How many rows have a value, from the first window up to each value."""
        cumulative: Ints = self.counts.cumsum()
        return cumulative

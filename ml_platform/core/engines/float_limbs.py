"""Exact sums of floats: every float is a sum of whole numbers of fixed units, and whole numbers add up exactly.

A float is cut into limbs of 40 bits at fixed places, as in a superaccumulator (Kulisch, 1997): limb `k` counts units
of ``2**UNITS[k]``. The sum of each limb over rows is a whole number, so that no result depends on the order of rows,
on threads or on the engine, and running sums may be subtracted. Only the end result is rounded, once
(`ml_platform.core.engines.float_sums`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_platform.core.engines.ibis_functions import half_to_even

BITS = 40
SUM_UNITS = tuple(range(-200, 81, BITS))
"""Exponents of the units of a sum's limbs. Digits below 2**-201 (3e-61) are rounded; 2**143 (1e43) is too large."""
SQUARE_UNITS = tuple(range(-400, 241, BITS))
"""The same for sums of squares."""
_DIGITS = 53
_DECIMAL = "decimal(38, 0)"
_WIDE = BITS + 1
"""Bits that one limb of a row may have: 2**20 rows of a chunk add up to less than 2**62."""
FEW_ROWS = 2**11
"""So many rows have a limb of at most 2**53 units, of a square with what rounding took from it: exact in a float."""

Span = tuple[float | None, float | None]


@dataclass(frozen=True)
class Extent:
    """Where some floats have digits: all are whole numbers of ``2**low``, and below ``2**high`` in size."""

    units: Sequence[int]
    low: int
    high: int

    @property
    def limbs(self) -> list[int]:
        """The limbs that are not zero in every one of the floats."""
        last = len(self.units) - 1
        return [
            limb
            for limb, unit in enumerate(self.units)
            if self.high >= unit - 1 and (limb == last or self.low < self.units[limb + 1])
        ]


def extent_of(span: Span) -> Extent | None:
    """Return the extent of floats whose least and greatest sizes beside zero these are; None where all are zero."""
    smallest, largest = span
    if smallest is None or largest is None:
        return None
    return Extent(SUM_UNITS, math.frexp(smallest)[1] - _DIGITS, math.frexp(largest)[1])


def extents_of_squares(span: Span) -> tuple[Extent, Extent] | None:
    """Return the extents of the squares of such floats, and of what rounding takes from these (`square_of`)."""
    floats = extent_of(span)
    if floats is None:
        return None
    least, high = SQUARE_UNITS[0], 2 * floats.high
    low = 2 * floats.low + _DIGITS - 1  # of the smallest square
    return Extent(SQUARE_UNITS, max(low, least), high), Extent(SQUARE_UNITS, max(2 * floats.low, least), high - _DIGITS)


def square_of(value: Any) -> tuple[Any, Any]:
    """Return the square of a float of at most 2**143, and what rounding took from it, for Ibis (Dekker, 1971)."""
    moved = value * float(2**27 + 1)
    high = moved - (moved - value)
    low, square = value - high, value * value
    return square, low * low - ((square - high * high) - high * low * 2.0)


def on_grid(value: Any) -> Any:
    """Return a float without its digits below the smallest unit, for Ibis."""
    return half_to_even(value * 2.0 ** -SUM_UNITS[0]) * 2.0 ** SUM_UNITS[0]


def in_pieces(rows: Any, floats: Mapping[str, Extent]) -> Any:
    """Return rows with the pieces of floats, for Ibis: the part that each limb counts, in a separate column (`piece`).

    The highest piece is the float rounded to the unit of its limb, the next one what is left of it rounded to the
    next unit. All of that is exact but the last rounding. Each piece is a step of the query, so that the engine
    computes it once.
    """
    for place in range(max((len(extent.limbs) for extent in floats.values()), default=0)):
        rows = rows.mutate(
            **{
                piece(name, extent.limbs[-1 - place]): _piece(rows, name, extent, place)
                for name, extent in floats.items()
                if place < len(extent.limbs)
            }
        )
    return rows


def piece(name: str, limb: int) -> str:
    """Return the name of the column with the piece of a float that one limb counts."""
    return f"{name}_{limb:02}"


def _piece(rows: Any, name: str, extent: Extent, place: int) -> Any:
    """Return what the highest limbs, as many as `place`, leave of a float, rounded to the unit of the next one."""
    *_, limb = extent.limbs[: len(extent.limbs) - place]
    rest, unit = rows[name], extent.units[limb]
    for higher in extent.limbs[: -1 - place : -1]:
        rest = rest - rows[piece(name, higher)]
    if extent.low >= unit:
        return rest
    size = BITS + unit if place else extent.high
    if size >= unit + _DIGITS - 2:
        return half_to_even(rest * 2.0**-unit) * 2.0**unit
    anchor = 1.5 * 2.0 ** (unit + _DIGITS - 1)  # floats of its size have no digits below the unit
    return (rest + anchor) - anchor


def limb_sum(rows: Any, floats: Mapping[str, Extent], limb: int, where: Any = None, *, few: bool = False) -> Any:
    """Return the sum of one limb of floats, for Ibis: int64, or decimals where a float may be as large as that.

    Too large a float is an error of the engine's.

    Parameters
    ----------
    rows
        With the pieces of the floats.
    floats
        The columns that are added, all with the same units.
    few
        Whether at most `FEW_ROWS` rows are added: then floats hold the sum exactly, in half the time.
    """
    count, is_wide = _limb_count(rows, floats, limb)
    if is_wide:
        return count.cast("int64").cast(_DECIMAL).sum(where=where)
    return count.sum(where=where).cast("int64") if few else count.cast("int64").sum(where=where)


def limb_of_row(rows: Any, floats: Mapping[str, Extent], limb: int) -> Any:
    """Return what `limb_sum` gives for one row alone, for Ibis; null where the floats are null."""
    count, is_wide = _limb_count(rows, floats, limb)
    return count.cast("int64").cast(_DECIMAL) if is_wide else count.cast("int64")


def _limb_count(rows: Any, floats: Mapping[str, Extent], limb: int) -> tuple[Any, bool]:
    """Return one limb of each row in units, and whether it may be too large to add up in 64 bits."""
    having = {name: extent for name, extent in floats.items() if limb in extent.limbs}
    (units,) = {extent.units for extent in having.values()}
    pieces = [rows[piece(name, limb)] for name in having]
    count = sum(pieces[1:], pieces[0]) * 2.0 ** -units[limb]
    return count, any(extent.high > units[limb] + _WIDE and limb == extent.limbs[-1] for extent in having.values())


def spans_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the smallest and the largest absolute value beside zero of some floats, for Ibis."""
    import ibis

    sizes = {name: value.abs().nullif(ibis.literal(0.0)) for name, value in values.items()}
    return {f"{end}_{name}": getattr(size, end)() for name, size in sizes.items() for end in ("min", "max")}

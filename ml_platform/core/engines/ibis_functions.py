"""Functions of the engine that Ibis has no name for, and whole-number arithmetic that is exact.

Time is int64 microseconds since 1970 UTC, or a whole number of ticks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

_UTC = "timestamp('UTC')"


def _builtin(name: str, takes: tuple[str, ...], gives: str) -> Callable[..., Any]:
    """Return the engine's function of this name."""

    def one(value: Any) -> Any:
        """Declare the signature of a function of one argument."""

    def two(value: Any, other: Any) -> Any:
        """Declare the signature of a function of two arguments."""

    @cache
    def made() -> Callable[..., Any]:
        import ibis

        function: Callable[..., Any] = ibis.udf.scalar.builtin(
            one if len(takes) == 1 else two, name=name, signature=(takes, gives)
        )
        return function

    return lambda *values: made()(*values)


floor_float = _builtin("floor", ("float64",), "float64")
ceil_float = _builtin("ceil", ("float64",), "float64")
_round_even = _builtin("round_even", ("float64", "int32"), "float64")
epoch_us = _builtin("epoch_us", (_UTC,), "int64")
instant_of = _builtin("make_timestamptz", ("int64",), _UTC)
wall_time_of = _builtin("make_timestamp", ("int64",), "timestamp")
is_finite = _builtin("isfinite", ("float64",), "boolean")
fitting_int64 = _builtin("try", ("int64",), "int64")
"""The result of ``+ - *``, a negation, an absolute value or `quotient`, null where it does not fit into 64 bits."""
text_hash = _builtin("md5_number_lower", ("string",), "uint64")
quotient = _builtin("divide", ("int64", "int64"), "int64")  # towards zero


def newest_of(value: Any, order: Any, where: Any) -> Any:
    """Return the value, null included, of the row that is last in an order, over the rows of a group that take part.

    Parameters
    ----------
    order
        decimal(38, 0), null for rows that do not take part.
    """
    import ibis

    kind = str(value.type())

    def of_group(value: Any, order: Any) -> Any:
        """Declare the signature of the engine's aggregate."""

    signature = ((kind, "decimal(38, 0)"), kind)
    return ibis.udf.agg.builtin(of_group, name="arg_max_null", signature=signature)(value, order, where=where)


def row_hash(values: Sequence[Any]) -> Any:
    """Return one hash of several values of a row, nulls among them: equal within one process, not beyond it."""
    import ibis

    hashed = ibis.literal(0, "uint64")
    for value in values:
        hashed = _builtin("hash", ("uint64", str(value.type())), "uint64")(hashed, value)
    return hashed


def modulo(left: Any, right: Any) -> Any:
    """Return Python's remainder, with the sign of the divisor; the engine's has the sign of the dividend."""
    import ibis

    rest = left % right
    return ibis.ifelse((rest != 0) & ((rest < 0) != (right < 0)), rest + right, rest)


def floor_divide(left: Any, right: Any) -> Any:
    """Return the whole quotient of whole numbers, rounded down."""
    return quotient(left - modulo(left, right), right)


def ceil_divide(left: Any, right: Any) -> Any:
    """Return the whole quotient of whole numbers, rounded up."""
    return -floor_divide(-left, right)


def ticks_up(instant: Any, step: int) -> Any:
    """Return how many whole steps since 1970 UTC reach an instant, rounded up: `ceil_divide`, several times faster.

    Instants are moved by whole steps to where they are positive, so that the engine's quotient is the floor.
    """
    import ibis

    moved = -(-(2**61) // step)
    return quotient(instant + (moved * step + step - 1), ibis.literal(step, "int64")) - moved


def bound(value: Any, name: str, body: Callable[[Any], Any]) -> Any:
    """Return `body` of a value that the engine computes once, however often `body` mentions it.

    Engines write a value out wherever it is mentioned, so that nested operations would grow with a power of their
    depth. A function over a list of one element is what both engines have for naming a value inside of an expression.

    Parameters
    ----------
    name
        Another one for each value that `body` can mention.
    """
    import ibis
    import ibis.expr.datashape as ds
    import ibis.expr.operations as ops

    known = ops.Argument(name=name, shape=ds.columnar, dtype=value.type())
    of_each = ops.ArrayMap(ibis.array([value]), body=body(known.to_expr()), param=known, index=None)
    return of_each.to_expr()[0]


def half_to_even(value: Any) -> Any:
    """Return a float rounded to a whole number; halves go to the even one."""
    import ibis

    return _round_even(value, ibis.literal(0, "int32"))


def float_of(decimal: Any) -> Any:
    """Return the float that is nearest to a decimal of no places, on every engine.

    DuckDB's own cast can miss it by one beyond 2**53; through text it does not.
    """
    import ibis

    small = (decimal < 2**53) & (decimal > -(2**53))
    return ibis.ifelse(small, decimal.cast("float64"), decimal.cast("string").cast("float64"))

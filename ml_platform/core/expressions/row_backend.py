"""The meaning of each operation for one row of plain Python values; None is null.

The result has the same bits as that of `numpy_backend.py`, which a property test shows: sums and products of Python
are those of NumPy, and what libraries compute in different ways, such as a logarithm, is NumPy's. Timestamps and
durations are whole microseconds inside.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from ml_platform.core.expressions.functions import NullFunction, PlainFunction, functions
from ml_platform.core.expressions.tree import ExpressionNode
from ml_platform.core.expressions.types import FIRST_INSTANT, LAST_INSTANT, Kind

Compute: TypeAlias = Callable[[Any], Any]
"""Gives a value for a row, from which columns are taken by ``row[key]``; None is null."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INT64 = 2**63


@dataclass(frozen=True)
class RowValue:
    """A value of one row.

    Attributes
    ----------
    constant
        Whether it is the same for every row: then it is computed once.
    """

    kind: Kind
    compute: Compute
    constant: bool = False


def column_value(key: str | int, kind: Kind) -> RowValue:
    """Return a column by its key in a row: a float (NaN is null), int, bool, text, or an aware datetime."""
    if kind == "float":
        return RowValue(kind, lambda row: value if (value := row[key]) == value else None)
    if kind == "timestamp":
        return RowValue(kind, lambda row: None if (value := row[key]) is None else (value - _EPOCH) // _MICROSECOND)
    return RowValue(kind, operator.itemgetter(key))


def constant_value(kind: Kind, value: Any) -> RowValue:
    """Return the same value for every row."""
    return RowValue(kind, lambda row: value, constant=True)


def apply_row(node: ExpressionNode, kind: Kind, operands: Sequence[RowValue]) -> RowValue:
    """Return the result of one operation; of constants it is a constant."""
    applied = _applied(node, kind, operands)
    return constant_value(kind, applied.compute(())) if all(operand.constant for operand in operands) else applied


def _applied(node: ExpressionNode, kind: Kind, operands: Sequence[RowValue]) -> RowValue:
    function = functions().get(node.op)
    computes = [operand.compute for operand in operands]
    if isinstance(function, NullFunction):
        return RowValue(kind, function.row(kind, [operand.kind for operand in operands], computes))
    if node.op in _NULL_AWARE:
        return RowValue(kind, _NULL_AWARE[node.op](computes))
    if any(operand.kind == "null" for operand in operands):
        return constant_value(kind, None)
    kinds = [operand.kind for operand in operands]
    parts = [_converted(compute, of, kinds) for compute, of in zip(computes, kinds, strict=True)]
    of_values = function.row if isinstance(function, PlainFunction) else _operation(node.op, kinds)
    if kind == "float" and len(parts) == 2:
        return RowValue(kind, _of_two_floats(parts[0], parts[1], of_values))
    return RowValue(kind, _FINISHED.get(kind, _plain)(_of_known(parts, of_values)))


def _converted(compute: Compute, kind: Kind, kinds: Sequence[Kind]) -> Compute:
    """Return a bool as a whole number, and a whole number as a float where another operand is one."""
    if kind in ("bool", "int") and "float" in kinds:
        return lambda row: None if (value := compute(row)) is None else float(value)
    if kind == "bool":
        return lambda row: None if (value := compute(row)) is None else int(value)
    return compute


def _of_two_floats(left: Compute, right: Compute, of_values: Callable[..., Any]) -> Compute:
    """Return an operation of two values whose result is null where it is not finite: most of what payoffs do."""

    def of_two(row: Any) -> float | None:
        first = left(row)
        if first is None:
            return None
        second = right(row)
        if second is None:
            return None
        value: float | None = of_values(first, second)
        return value if value is None or value - value == 0.0 else None

    return of_two


def _of_known(parts: Sequence[Compute], of_values: Callable[..., Any]) -> Compute:
    """Return an operation that is null where an operand is."""
    if len(parts) == 1:
        (only,) = parts
        return lambda row: None if (value := only(row)) is None else of_values(value)
    if len(parts) == 2:
        left, right = parts

        def of_two(row: Any) -> Any:
            first, second = left(row), right(row)
            return None if first is None or second is None else of_values(first, second)

        return of_two

    def of_several(row: Any) -> Any:
        values = [part(row) for part in parts]
        return None if None in values else of_values(*values)

    return of_several


def _operation(op: str, kinds: Sequence[Kind]) -> Callable[..., Any]:
    whole = "float" not in kinds
    if op == "//":
        return _whole_quotient if whole else lambda left, right: _floor_of_quotient(left, right)
    if op == "%":
        return _whole_rest if whole else _rest
    return _VALUES[op]


def _quotient(left: Any, right: Any) -> float | None:
    return None if right == 0 else float(left) / float(right)


def _floor_of_quotient(left: float, right: float) -> float | None:
    return None if right == 0 else float(np.floor(left / right))


def _whole_quotient(left: int, right: int) -> int | None:
    return None if right == 0 else left // right


def _whole_rest(left: int, right: int) -> int | None:
    return None if right == 0 else left % right


def _rest(left: float, right: float) -> float | None:
    return None if right == 0 else float(np.remainder(left, right))


def _and(parts: Sequence[Compute]) -> Compute:
    def every(row: Any) -> bool | None:
        values = [part(row) for part in parts]
        if any(value is not None and not value for value in values):
            return False
        return None if None in values else True

    return every


def _or(parts: Sequence[Compute]) -> Compute:
    def some(row: Any) -> bool | None:
        values = [part(row) for part in parts]
        if any(value is not None and value for value in values):
            return True
        return None if None in values else False

    return some


def _plain(compute: Compute) -> Compute:
    return compute


def _finite(compute: Compute) -> Compute:
    def checked(row: Any) -> float | None:
        value = compute(row)
        return value if value is None or math.isfinite(value) else None

    return checked


def _within(first: int, last: int) -> Callable[[Compute], Compute]:
    def bounded(compute: Compute) -> Compute:
        def checked(row: Any) -> int | None:
            value = compute(row)
            return value if value is None or first <= value <= last else None

        return checked

    return bounded


_NULL_AWARE: Mapping[str, Callable[[Sequence[Compute]], Compute]] = {"and": _and, "or": _or}
_FINISHED: Mapping[Kind, Callable[[Compute], Compute]] = {
    "float": _finite,
    "int": _within(-_INT64, _INT64 - 1),
    "timestamp": _within(FIRST_INSTANT, LAST_INSTANT),
    "duration": _within(-_INT64 + 1, _INT64 - 1),
}
_VALUES: Mapping[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
    "neg": operator.neg,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda item, *members: reduce(lambda is_member, member: is_member or item == member, members, False),
    "not": lambda value: value == 0,
}

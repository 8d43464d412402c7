"""The meaning of each operation in the engine, as Ibis expressions. NumPy's twin is `numpy_backend.py`."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import ibis

from ml_platform.core.engines.ibis_functions import (
    bound,
    epoch_us,
    fitting_int64,
    floor_float,
    instant_of,
    is_finite,
    modulo,
    quotient,
)
from ml_platform.core.errors import ExpressionError, suggest
from ml_platform.core.expressions.compiled import (
    Compiled,
    divide,
    fitting,
    is_whole,
    joined,
    null_of,
    null_where_any_is,
    truth_of,
    zero_is_null,
)
from ml_platform.core.expressions.functions import NullFunction, functions
from ml_platform.core.expressions.tree import ExpressionNode
from ml_platform.core.expressions.types import FIRST_INSTANT, LAST_INSTANT, Kind

_SMALL = 24
"""Operands of fewer nodes are written out wherever an operation mentions them; others are bound once."""


class Compiler:
    """Compiles one expression over one table."""

    def __init__(self, table: Any, text: str) -> None:
        self._table, self._text = table, text
        self._names = itertools.count()

    def leaf(self, node: ExpressionNode) -> Compiled:
        """Return a column or a literal."""
        if node.op == "name":
            return self._column(node)
        if node.op == "duration":
            return Compiled("duration", _number(node.value, "int64"))
        return _literal(node.value)

    def _column(self, node: ExpressionNode) -> Compiled:
        name = str(node.value)
        if name not in self._table.columns:
            problem = f"{name} is not a column. {suggest(name, self._table.columns)}"
            raise ExpressionError(self._text, node.column, problem)
        column = self._table[name]
        dtype = column.type()
        if dtype.is_timestamp():
            return Compiled("timestamp", epoch_us(column), 2)
        if dtype.is_boolean():
            return Compiled("bool", column)
        if dtype.is_integer():
            return Compiled("int", column)
        if dtype.is_string():
            return Compiled("string", column)
        return Compiled("float", column.cast("float64"), 2, finite=False)

    def apply(self, node: ExpressionNode, kind: Kind, operands: Sequence[Compiled]) -> Compiled:
        """Return the result of one operation."""
        function = functions().get(node.op)
        sees_null = node.op in _CHOICES or isinstance(function, NullFunction)
        if not sees_null and any(operand.kind == "null" for operand in operands):
            return Compiled(kind, null_of(kind))
        if not (node.op in _PASSES_ON if function is None else function.passes_on):
            operands = [self._checked(operand) for operand in operands]
        return self._bound(operands, lambda known: _applied(node.op, kind, known))

    def result(self, compiled: Compiled) -> Any:
        """Return the value of the whole expression."""
        if compiled.kind == "timestamp":
            return instant_of(compiled.value)
        return self._checked(compiled).value

    def _checked(self, operand: Compiled) -> Compiled:
        """Return a value with null in place of what is not a finite number."""
        if operand.finite:
            return operand
        return self._bound(
            [operand],
            lambda known: Compiled(
                operand.kind,
                ibis.ifelse(is_finite(known[0].value), known[0].value, null_of("float")),
                2 * known[0].size + 3,
            ),
        )

    def _bound(self, operands: Sequence[Compiled], body: Callable[[Sequence[Compiled]], Compiled]) -> Compiled:
        """Return `body` of operands of which the large ones are computed once."""
        large = next((place for place, operand in enumerate(operands) if operand.size > _SMALL), None)
        return body(operands) if large is None else self._bound_at(large, operands, body)

    def _bound_at(
        self, place: int, operands: Sequence[Compiled], body: Callable[[Sequence[Compiled]], Compiled]
    ) -> Compiled:
        operand, results = operands[place], list[Compiled]()

        def inside(known: Any) -> Any:
            named = replace(operand, value=known, size=1)
            results.append(self._bound([*operands[:place], named, *operands[place + 1 :]], body))
            return results[0].value

        value = bound(operand.value, f"value_{next(self._names)}", inside)
        return replace(results[0], value=value, size=operand.size + results[0].size + 3)


def _applied(op: str, kind: Kind, operands: Sequence[Compiled]) -> Compiled:
    function = functions().get(op)
    size = (_MENTIONS.get(op, 1) if function is None else function.mentions) * sum(item.size for item in operands) + 2
    finite = all(operand.finite for operand in operands)
    if isinstance(function, NullFunction):
        return Compiled(kind, function.engine(kind, operands), size, finite)
    if op in _CHOICES:
        return Compiled(kind, _CHOICES[op](kind, operands), size, finite)
    compute = _OPERATIONS[op] if function is None else function.engine
    values = [_operand(operand, operands) for operand in operands]
    value = compute(*values)
    if function is not None and not function.keeps_null:
        value = null_where_any_is(values, value)
    if kind == "timestamp" and op in ("+", "-"):
        value, size = ibis.ifelse(value.between(FIRST_INSTANT, LAST_INSTANT), value, null_of("int64")), 3 * size + 3
    if kind == "duration" and op != "%" and operands[0].kind != "timestamp":
        value, size = value.nullif(_number(-(2**63), "int64")), 2 * size + 2  # in arrays, the mark for null
    overflows = op in _MAY_OVERFLOW if function is None else function.may_overflow
    return Compiled(kind, value, size, kind != "float" or (finite and not overflows))


_PASSES_ON = frozenset(("+", "-", "*", "neg"))
"""Operations that give no finite number of an infinity or a NaN, so that it is enough to look at what they give."""
_MAY_OVERFLOW = frozenset(("+", "-", "*", "/", "//", "%"))
_MENTIONS = {"%": 8, "//": 8}


def _literal(value: Any) -> Compiled:
    if value is None:
        return Compiled("null", null_of("null"))
    if isinstance(value, bool):
        return Compiled("bool", ibis.literal(value))
    if isinstance(value, int):
        return Compiled("int", _number(value, "int64"))
    if isinstance(value, float):
        return Compiled("float", _number(value, "float64"))
    return Compiled("string", ibis.literal(value))


def _number(value: Any, kind: str) -> Any:
    """Return a number through its text: a plain 5 has 32 bits in an engine, a plain 0.1 is a decimal."""
    return ibis.literal(repr(value)).cast(kind)


def _operand(operand: Compiled, operands: Sequence[Compiled]) -> Any:
    """Return an operand as a number where it takes part in arithmetic: float if any of them is."""
    if operand.kind in ("string", "timestamp", "duration"):
        return operand.value
    kinds = {item.kind for item in operands}
    if kinds == {"bool"}:
        return operand.value.cast("int64")
    return operand.value.cast("float64") if "float" in kinds else operand.value.cast("int64")


def _modulo(left: Any, right: Any) -> Any:
    if is_whole(left):  # the remainder by -1 is 0 as that by 1 is; engines fail for it beside the smallest number
        right = ibis.ifelse(right == -1, ibis.literal(1, "int64"), right)
    return modulo(left, zero_is_null(right))


def _floor_divide(left: Any, right: Any) -> Any:
    if not is_whole(left):
        return floor_float(left / zero_is_null(right))
    towards_zero = fitting_int64(quotient(left, zero_is_null(right)))
    rest = left % ibis.ifelse(right == -1, ibis.literal(1, "int64"), zero_is_null(right))
    return ibis.ifelse((rest != 0) & ((left < 0) != (right < 0)), towards_zero - 1, towards_zero)


_CHOICES: dict[str, Callable[[Kind, Sequence[Compiled]], Any]] = {
    "and": lambda kind, operands: joined(operator.and_, [truth_of(operand) for operand in operands]),
    "or": lambda kind, operands: joined(operator.or_, [truth_of(operand) for operand in operands]),
    "not": lambda kind, operands: ~truth_of(operands[0]),
}
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": fitting(lambda left, right: left + right),
    "-": fitting(lambda left, right: left - right),
    "*": fitting(lambda left, right: left * right),
    "/": divide,
    "//": _floor_divide,
    "%": _modulo,
    "neg": fitting(lambda value: -value),
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "in": lambda item, *members: joined(operator.or_, [item == member for member in members]),
}

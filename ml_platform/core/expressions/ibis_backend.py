"""The meaning of each operation in the engine, as Ibis expressions. NumPy's twin is `numpy_backend.py`."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import ibis

from ml_platform.core.clock import MICROSECOND, parse_duration
from ml_platform.core.engines.ibis_functions import (
    bound,
    ceil_float,
    epoch_us,
    fitting_int64,
    floor_divide,
    floor_float,
    half_to_even,
    instant_of,
    is_finite,
    modulo,
    quotient,
    wall_time_of,
)
from ml_platform.core.errors import ExpressionError, suggest
from ml_platform.core.expressions.tree import Node
from ml_platform.core.expressions.types import FIRST_INSTANT, LAST_INSTANT, Kind

_HOUR = parse_duration("1h") // MICROSECOND
_LENGTHS = {name: parse_duration(f"1{name[0]}") // MICROSECOND for name in ("minutes", "hours", "days")}
_TYPES = {"string": "string", "bool": "boolean", "int": "int64", "float": "float64", "null": "float64"}


_SMALL = 24
"""Operands of fewer nodes are written out wherever an operation mentions them; others are bound once."""


@dataclass(frozen=True)
class Compiled:
    """A value of the engine and its kind; timestamps and durations are int64 microseconds.

    Attributes
    ----------
    size
        How many nodes it is written with, about.
    finite
        Whether it is surely no infinity and no NaN: others are made null before they are looked at.
    """

    kind: Kind
    value: Any
    size: int = 1
    finite: bool = True


class Compiler:
    """Compiles one expression over one table."""

    def __init__(self, table: Any, text: str) -> None:
        self._table, self._text = table, text
        self._names = itertools.count()

    def leaf(self, node: Node) -> Compiled:
        """Return a column or a literal."""
        if node.op == "name":
            return self._column(node)
        if node.op == "duration":
            return Compiled("duration", _number(node.value, "int64"))
        return _literal(node.value)

    def _column(self, node: Node) -> Compiled:
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

    def apply(self, node: Node, kind: Kind, operands: Sequence[Compiled]) -> Compiled:
        """Return the result of one operation."""
        if node.op not in _CHOICES and any(operand.kind == "null" for operand in operands):
            return Compiled(kind, _null(kind))
        if node.op not in _PASSES_ON:
            operands = [self._checked(operand) for operand in operands]
        return self._bound(operands, lambda known: _applied(node.op, kind, known))

    def result(self, compiled: Compiled) -> Any:
        """Return the value that the whole expression stands for."""
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
                ibis.ifelse(is_finite(known[0].value), known[0].value, _null("float")),
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
    size = _MENTIONS.get(op, 1) * sum(operand.size for operand in operands) + 2
    if op in _CHOICES:
        return Compiled(kind, _CHOICES[op](kind, operands), size, all(operand.finite for operand in operands))
    value = _OPERATIONS[op](*(_operand(operand, operands) for operand in operands))
    if kind == "timestamp" and op in ("+", "-"):
        value, size = ibis.ifelse(value.between(FIRST_INSTANT, LAST_INSTANT), value, _null("int64")), 3 * size + 3
    if kind == "duration" and op != "%" and operands[0].kind != "timestamp":
        value, size = value.nullif(_number(-(2**63), "int64")), 2 * size + 2  # in arrays, the mark for null
    finite = kind != "float" or (op not in _MAY_OVERFLOW and all(operand.finite for operand in operands))
    return Compiled(kind, value, size, finite)


_PASSES_ON = frozenset(("+", "-", "*", "neg", "abs", "where", "floor", "ceil", "round", "sqrt", "log"))
"""Operations that give no finite number of an infinity or a NaN, so that it is enough to look at what they give."""
_MAY_OVERFLOW = frozenset(("+", "-", "*", "/", "//", "%", "exp"))
_MENTIONS = {"%": 8, "//": 8, "min": 2, "max": 2, "sqrt": 2, "log": 2, "exp": 2, "hour": 8, "weekday": 8}


def _literal(value: Any) -> Compiled:
    if value is None:
        return Compiled("null", _null("null"))
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


def _null(kind: Kind | Literal["int64"]) -> Any:
    return ibis.null(_TYPES.get(kind, "int64"))


def _operand(operand: Compiled, operands: Sequence[Compiled]) -> Any:
    """Return an operand as a number where it takes part in arithmetic: float if any of them is."""
    if operand.kind in ("string", "timestamp", "duration"):
        return operand.value
    kinds = {item.kind for item in operands}
    if kinds == {"bool"}:
        return operand.value.cast("int64")
    return operand.value.cast("float64") if "float" in kinds else operand.value.cast("int64")


def _as(kind: Kind, operand: Compiled) -> Any:
    return _null(kind) if operand.kind == "null" else operand.value.cast(_TYPES.get(kind, "int64"))


def _where(kind: Kind, operands: Sequence[Compiled]) -> Any:
    condition, first, second = operands
    return ibis.ifelse(_truth(condition), _as(kind, first), _as(kind, second))


def _truth(operand: Compiled) -> Any:
    return ibis.null("boolean") if operand.kind == "null" else operand.value


def _whole(value: Any) -> bool:
    return not value.type().is_floating()


def _fitting(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Return arithmetic whose whole results are null where they do not fit into 64 bits, as arrays have it."""
    return lambda *values: fitting_int64(compute(*values)) if _whole(values[0]) else compute(*values)


def _zero_is_null(value: Any) -> Any:
    return value.nullif(0)


def _modulo(left: Any, right: Any) -> Any:
    if _whole(left):  # the remainder by -1 is 0 as that by 1 is; engines fail for it beside the smallest number
        right = ibis.ifelse(right == -1, ibis.literal(1, "int64"), right)
    return modulo(left, _zero_is_null(right))


def _floor_divide(left: Any, right: Any) -> Any:
    if not _whole(left):
        return floor_float(left / _zero_is_null(right))
    towards_zero = fitting_int64(quotient(left, _zero_is_null(right)))
    rest = left % ibis.ifelse(right == -1, ibis.literal(1, "int64"), _zero_is_null(right))
    return ibis.ifelse((rest != 0) & ((left < 0) != (right < 0)), towards_zero - 1, towards_zero)


def _divide(left: Any, right: Any) -> Any:
    return left.cast("float64") / _zero_is_null(right.cast("float64"))


def _extreme(name: str) -> Callable[..., Any]:
    """Return least or greatest, null where any operand is null."""
    pick = ibis.least if name == "min" else ibis.greatest
    return lambda *values: ibis.ifelse(
        _joined(operator.or_, [value.isnull() for value in values]), ibis.null(values[0].type()), pick(*values)
    )


def _joined(join: Callable[[Any, Any], Any], values: Sequence[Any]) -> Any:
    """Return all values joined, in a tree as flat as can be: hundreds in a row would be nested too deeply."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return join(_joined(join, values[:half]), _joined(join, values[half:]))


def _rounding(rounded: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: rounded(value) if value.type().is_floating() else value


def _real(compute: Callable[[Any], Any], valid: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that is null outside of its domain, where the engine would stop."""
    return lambda value: compute(ibis.ifelse(valid(value), value, ibis.null("float64")).cast("float64"))


def _month(micros: Any) -> Any:
    return wall_time_of(micros).month().cast("int64")


_CHOICES: dict[str, Callable[[Kind, Sequence[Compiled]], Any]] = {
    "and": lambda kind, operands: _joined(operator.and_, [_truth(operand) for operand in operands]),
    "or": lambda kind, operands: _joined(operator.or_, [_truth(operand) for operand in operands]),
    "not": lambda kind, operands: ~_truth(operands[0]),
    "where": _where,
    "coalesce": lambda kind, operands: ibis.coalesce(*(_as(kind, operand) for operand in operands)),
    "is_null": lambda kind, operands: operands[0].value.isnull(),
}
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": _fitting(lambda left, right: left + right),
    "-": _fitting(lambda left, right: left - right),
    "*": _fitting(lambda left, right: left * right),
    "/": _divide,
    "//": _floor_divide,
    "%": _modulo,
    "neg": _fitting(lambda value: -value),
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "in": lambda item, *members: _joined(operator.or_, [item == member for member in members]),
    "abs": _fitting(lambda value: value.abs()),
    "min": _extreme("min"),
    "max": _extreme("max"),
    "floor": _rounding(floor_float),
    "ceil": _rounding(ceil_float),
    "round": _rounding(half_to_even),
    "sqrt": _real(lambda value: value.sqrt(), lambda value: value >= 0),
    "log": _real(lambda value: value.ln(), lambda value: value > 0),
    "exp": _real(lambda value: value.exp(), lambda value: value == value),
    "hour": lambda micros: modulo(floor_divide(micros, ibis.literal(_HOUR)), ibis.literal(24)),
    "weekday": lambda micros: modulo(floor_divide(micros, ibis.literal(24 * _HOUR)) + 3, ibis.literal(7)),
    "month": _month,
    **{name: (lambda micros, size=size: _divide(micros, ibis.literal(size))) for name, size in _LENGTHS.items()},
}

"""The meaning of each operation in the engine, as Ibis expressions. NumPy's twin is `arrays.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import ibis

from ml_platform.clock import MICROSECOND, parse_duration
from ml_platform.engine.functions import (
    ceil_float,
    epoch_us,
    floor_divide,
    floor_float,
    half_to_even,
    instant_of,
    modulo,
    wall_time_of,
)
from ml_platform.errors import ExpressionError, suggest
from ml_platform.expression.kinds import Kind
from ml_platform.expression.node import Node

_HOUR = parse_duration("1h") // MICROSECOND
_LENGTHS = {name: parse_duration(f"1{name[0]}") // MICROSECOND for name in ("minutes", "hours", "days")}
_TYPES = {"string": "string", "bool": "boolean", "int": "int64", "float": "float64", "null": "float64"}


@dataclass(frozen=True)
class Compiled:
    """A value of the engine and its kind; timestamps and durations are int64 microseconds."""

    kind: Kind
    value: Any


class Compiler:
    """Compiles one expression over one table."""

    def __init__(self, table: Any, text: str) -> None:
        self._table, self._text = table, text

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
            return Compiled("timestamp", epoch_us(column))
        if dtype.is_boolean():
            return Compiled("bool", column)
        if dtype.is_integer():
            return Compiled("int", column)
        return Compiled("string", column) if dtype.is_string() else Compiled("float", column.cast("float64"))

    def apply(self, node: Node, kind: Kind, operands: Sequence[Compiled]) -> Compiled:
        """Return the result of one operation."""
        if node.op in _CHOICES:
            return Compiled(kind, _CHOICES[node.op](kind, operands))
        if any(operand.kind == "null" for operand in operands):
            return Compiled(kind, _null(kind))
        operation = _OPERATIONS[node.op]
        return Compiled(kind, operation(*(_operand(operand, operands) for operand in operands)))

    def result(self, compiled: Compiled) -> Any:
        """Return the value that the whole expression stands for."""
        if compiled.kind == "timestamp":
            return instant_of(compiled.value)
        if compiled.kind == "float":
            value = compiled.value
            return ibis.ifelse(value.isinf() | value.isnan(), _null("float"), value)
        return compiled.value


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


def _null(kind: Kind) -> Any:
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


def _zero_is_null(value: Any) -> Any:
    return value.nullif(0)


def _modulo(left: Any, right: Any) -> Any:
    return modulo(left, _zero_is_null(right))


def _floor_divide(left: Any, right: Any) -> Any:
    if left.type().is_floating() or right.type().is_floating():
        return floor_float(left / _zero_is_null(right))
    return floor_divide(left, _zero_is_null(right))


def _divide(left: Any, right: Any) -> Any:
    return left.cast("float64") / _zero_is_null(right.cast("float64"))


def _extreme(name: str) -> Callable[..., Any]:
    """Return least or greatest, null where any operand is null."""
    pick = ibis.least if name == "min" else ibis.greatest
    return lambda *values: ibis.ifelse(
        reduce(lambda a, b: a | b, [value.isnull() for value in values]), ibis.null(values[0].type()), pick(*values)
    )


def _rounding(rounded: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: rounded(value) if value.type().is_floating() else value


def _real(compute: Callable[[Any], Any], valid: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that is null outside of its domain, where the engine would stop."""
    return lambda value: compute(ibis.ifelse(valid(value), value, ibis.null("float64")).cast("float64"))


def _month(micros: Any) -> Any:
    return wall_time_of(micros).month().cast("int64")


_CHOICES: dict[str, Callable[[Kind, Sequence[Compiled]], Any]] = {
    "and": lambda kind, operands: reduce(lambda a, b: a & b, map(_truth, operands)),
    "or": lambda kind, operands: reduce(lambda a, b: a | b, map(_truth, operands)),
    "not": lambda kind, operands: ~_truth(operands[0]),
    "where": _where,
    "coalesce": lambda kind, operands: ibis.coalesce(*(_as(kind, operand) for operand in operands)),
    "is_null": lambda kind, operands: operands[0].value.isnull(),
}
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "//": _floor_divide,
    "%": _modulo,
    "neg": lambda value: -value,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "in": lambda item, *members: reduce(lambda a, b: a | b, [item == member for member in members]),
    "abs": lambda value: value.abs(),
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

"""Expressions by Python's own arithmetic, one row at a time: what both engines are compared with.

Written from the documented meaning alone: null propagates but for ``and or coalesce is_null where``, and what is no
finite number, no 64-bit whole number or no instant of the years 1 to 9999 is null. Whole numbers beside a float are
floats, and spans become floats before they are divided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ml_platform.core.expressions.rules import result_kind
from ml_platform.core.expressions.tree import ExpressionNode
from ml_platform.core.expressions.types import Kind

Row = Mapping[str, Any]
_LITERALS: Mapping[type, Kind] = {bool: "bool", int: "int", float: "float", str: "string", type(None): "null"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SPANS = {"minutes": 60, "hours": 3600, "days": 86400}


def value_of(node: ExpressionNode, row: Row, row_kinds: Mapping[str, Kind]) -> Any:
    """Return the value on one row: None, bool, int, float, str, datetime or timedelta."""
    if node.op == "name":
        value = row[str(node.value)]
        return None if isinstance(value, float) and not math.isfinite(value) else value
    if node.op == "literal":
        return node.value
    if node.op == "duration":
        return timedelta(microseconds=int(node.value or 0))
    operands = [value_of(child, row, row_kinds) for child in node.children]
    written = _written_down(_apply(node.op, operands))
    return float(written) if type(written) in (int, bool) and kind_of(node, row_kinds) == "float" else written


def kind_of(node: ExpressionNode, kinds: Mapping[str, Kind]) -> Kind:
    """Return the kind of a value by the declared rules."""
    if node.op == "name":
        return kinds[str(node.value)]
    if node.op == "duration":
        return "duration"
    if node.op == "literal":
        return _LITERALS[type(node.value)]
    return result_kind(node.op, [kind_of(child, kinds) for child in node.children])


def _written_down(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, timedelta):
        return value if abs(value // timedelta(microseconds=1)) < 2**63 else None
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return None
    return value


def _apply(op: str, operands: list[Any]) -> Any:
    if op == "and":
        return False if False in operands else None if None in operands else True
    if op == "or":
        return True if True in operands else None if None in operands else False
    if op == "where":
        return operands[1] if operands[0] is True else operands[2]
    if op == "coalesce":
        return next((value for value in operands if value is not None), None)
    if op == "is_null":
        return operands[0] is None
    if None in operands:
        return None
    try:
        return _COMPUTE[op](*[int(value) if isinstance(value, bool) else value for value in operands])
    except (OverflowError, ZeroDivisionError, ValueError):
        return None


def _float(value: Any) -> float:
    return float(value // timedelta(microseconds=1) if isinstance(value, timedelta) else value)


def _compare(name: str) -> Any:
    def compare(left: Any, right: Any) -> bool:
        if float in (type(left), type(right)) and not isinstance(left, str):
            left, right = float(left), float(right)
        return bool(getattr(type(left), name)(left, right))

    return compare


def _modulo(left: Any, right: Any) -> Any:
    return float(left) % float(right) if float in (type(left), type(right)) else left % right


def _floor_divide(left: Any, right: Any) -> Any:
    if float in (type(left), type(right)):
        quotient = float(left) / float(right)
        return quotient if math.isinf(quotient) else float(math.floor(quotient))
    return left // right


def _plus(sign: int) -> Any:
    def plus(left: Any, right: Any) -> Any:
        if isinstance(left, float) or isinstance(right, float):
            return float(left) + sign * float(right)
        return left + right if sign == 1 else left - right

    return plus


def _one(name: str) -> Any:
    return lambda value: value if isinstance(value, int) else float(getattr(math, name)(value))


def _spans(name: str) -> Any:
    return lambda span: float(span // timedelta(microseconds=1)) / (SPANS[name] * 1_000_000)


def _widest(pick: Any) -> Any:
    return lambda *values: pick(map(float, values)) if any(isinstance(v, float) for v in values) else pick(values)


def _among(item: Any, *members: Any) -> bool:
    values = [item, *members]
    first, *others = map(float, values) if any(isinstance(value, float) for value in values) else values
    return first in others


_COMPUTE: dict[str, Any] = {
    "+": _plus(1),
    "-": _plus(-1),
    "*": lambda left, right: left * right,
    "/": lambda left, right: _float(left) / _float(right),
    "//": _floor_divide,
    "%": _modulo,
    "neg": lambda value: -value,
    "==": _compare("__eq__"),
    "!=": _compare("__ne__"),
    "<": _compare("__lt__"),
    "<=": _compare("__le__"),
    ">": _compare("__gt__"),
    ">=": _compare("__ge__"),
    "in": _among,
    "not": lambda value: not value,
    "abs": abs,
    "contains": lambda text, part: text.find(part) >= 0,
    "starts_with": lambda text, part: text[: len(part)] == part,
    "ends_with": lambda text, part: text[len(text) - len(part) :] == part if len(part) <= len(text) else False,
    "min": _widest(min),
    "max": _widest(max),
    "floor": _one("floor"),
    "ceil": _one("ceil"),
    "round": lambda value: value if isinstance(value, int) else float(round(value)),
    "sqrt": math.sqrt,
    "log": math.log,
    "exp": math.exp,
    "hour": lambda instant: instant.hour,
    "weekday": lambda instant: instant.weekday(),
    "month": lambda instant: instant.month,
    **{name: _spans(name) for name in SPANS},
}

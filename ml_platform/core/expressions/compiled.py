"""Values of the engine while an expression is compiled, and the steps that operations and functions share."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import ibis

from ml_platform.core.engines.ibis_functions import fitting_int64
from ml_platform.core.expressions.types import Kind

_TYPES = {"string": "string", "bool": "boolean", "int": "int64", "float": "float64", "null": "float64"}


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


def null_of(kind: Kind | Literal["int64"]) -> Any:
    """Return the null of a kind."""
    return ibis.null(_TYPES.get(kind, "int64"))


def value_as(kind: Kind, operand: Compiled) -> Any:
    """Return a value in the type of another kind."""
    return null_of(kind) if operand.kind == "null" else operand.value.cast(_TYPES.get(kind, "int64"))


def truth_of(operand: Compiled) -> Any:
    """Return a condition's value."""
    return ibis.null("boolean") if operand.kind == "null" else operand.value


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number to the engine."""
    return not value.type().is_floating()


def fitting(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Return arithmetic whose whole results are null where they do not fit into 64 bits, as arrays have it."""
    return lambda *values: fitting_int64(compute(*values)) if is_whole(values[0]) else compute(*values)


def zero_is_null(value: Any) -> Any:
    """Return a divisor, null where it is zero."""
    return value.nullif(0)


def divide(left: Any, right: Any) -> Any:
    """Return a quotient as a float, null where it has none."""
    return left.cast("float64") / zero_is_null(right.cast("float64"))


def null_where_any_is(values: Sequence[Any], result: Any) -> Any:
    """Return a result, null where any of some values is null."""
    return ibis.ifelse(joined(operator.or_, [value.isnull() for value in values]), ibis.null(result.type()), result)


def joined(join: Callable[[Any, Any], Any], values: Sequence[Any]) -> Any:
    """Return all values joined, in a tree as flat as can be: hundreds in a row would be nested too deeply."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return join(joined(join, values[:half]), joined(join, values[half:]))

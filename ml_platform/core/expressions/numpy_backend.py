"""The meaning of each operation over NumPy arrays with a null mask.

Timestamps and durations are int64 microseconds inside. The engine's twin is `ibis_backend.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_platform.core.expressions.arrays import Array, Values, truth
from ml_platform.core.expressions.functions import NullFunction, functions
from ml_platform.core.expressions.tree import ExpressionNode
from ml_platform.core.expressions.types import FIRST_INSTANT, LAST_INSTANT, Kind, KindError

if TYPE_CHECKING:
    import pandas as pd

_INT64 = np.iinfo(np.int64)


def array_leaf(kind: Kind, value: Any) -> Array:
    """Return a literal, as an array without dimensions."""
    filled = 0 if value is None else value
    return Array(kind, np.array(filled, dtype=object if kind == "string" else None), np.array(value is None))


def array_of(column: Values | pd.Series[Any]) -> Array:
    """Return a column of a frame in the form that operations take."""
    import pandas as pd  # half a second, which checking a declaration need not spend

    series: Any = column if isinstance(column, pd.Series) else pd.Series(column)
    nulls = series.isna().to_numpy()
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    dtype = series.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return Array("bool", _filled(series, nulls, False).astype(bool), nulls)
    if pd.api.types.is_integer_dtype(dtype):
        return Array("int", _filled(series, nulls, 0).astype(np.int64), nulls)
    if pd.api.types.is_float_dtype(dtype):
        values = _filled(series, nulls, 0.0).astype(np.float64)
        return Array("float", values, nulls | ~np.isfinite(values))
    if pd.api.types.is_datetime64_any_dtype(dtype):
        instants = pd.DatetimeIndex(series).tz_convert(None) if series.dt.tz is not None else pd.DatetimeIndex(series)
        return Array("timestamp", instants.to_numpy().astype("datetime64[us]").astype(np.int64), nulls)
    if pd.api.types.is_timedelta64_dtype(dtype):
        return Array("duration", series.to_numpy().astype("timedelta64[us]").astype(np.int64), nulls)
    return _array_of_objects(series, nulls)


def _filled(series: pd.Series[Any], nulls: Values, value: Any) -> Values:
    return (series.fillna(value) if nulls.any() else series).to_numpy()


def _array_of_objects(series: pd.Series[Any], nulls: Values) -> Array:
    import pandas as pd

    if nulls.all():
        return Array("null", np.zeros(len(series)), nulls)
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind == "string":
        return Array("string", np.where(nulls, "", series.to_numpy(dtype=object)), nulls)
    inner = {"boolean": "boolean", "integer": "Int64", "floating": "float64", "mixed-integer-float": "float64"}
    if kind in inner:
        return array_of(series.astype(inner[kind]))  # type: ignore[call-overload]
    if kind in ("datetime", "datetime64"):
        return array_of(pd.to_datetime(series, utc=True))
    if kind in ("timedelta", "timedelta64"):
        return array_of(pd.to_timedelta(series))
    raise KindError(f"a column holds {kind} values, which expressions do not know")


def to_numpy(array: Array, rows: int) -> Values:
    """Return plain NumPy values of `rows` rows, nulls as NaN, None or NaT; a whole number never passes by a float."""
    values = np.broadcast_to(array.values, (rows,)).copy()
    nulls = np.broadcast_to(array.nulls, (rows,))
    if array.kind in ("timestamp", "duration"):
        result = values.astype("datetime64[us]" if array.kind == "timestamp" else "timedelta64[us]")
        result[nulls] = np.array("NaT", dtype=result.dtype)
        return result
    if array.kind in ("string", "null"):
        return _objects(values, nulls)
    if array.kind == "float":
        return np.where(nulls | ~np.isfinite(values), np.nan, values)
    return _objects(values, nulls) if nulls.any() else values


def _objects(values: Values, nulls: Values) -> Values:
    result = values.astype(object)
    result[nulls] = None
    return result


def apply_arrays(node: ExpressionNode, kind: Kind, operands: Sequence[Array]) -> Array:
    """Return the result of one operation."""
    function = functions().get(node.op)
    if isinstance(function, NullFunction):
        return function.arrays(kind, operands)
    if node.op in _NULL_AWARE:
        return _NULL_AWARE[node.op](kind, operands)
    nulls = np.logical_or.reduce(np.broadcast_arrays(*(operand.nulls for operand in operands)))
    if any(operand.kind == "null" for operand in operands):
        return Array(kind, np.zeros(nulls.shape), np.ones_like(nulls))
    values = _common([_number(operand.values) for operand in operands])
    if node.op in ("/", "//", "%"):
        nulls = nulls | (values[1] == 0)
        values[1] = np.where(values[1] == 0, 1, values[1])
    compute = _VALUES[node.op] if function is None else function.arrays
    result = np.asarray(compute(*values))
    if kind in ("int", "timestamp", "duration"):
        nulls = nulls | _does_not_fit(node.op, values, result)
    if kind == "duration":
        nulls = nulls | (result == _INT64.min)  # NumPy's mark for null
    if kind == "timestamp":
        nulls = nulls | (result < FIRST_INSTANT) | (result > LAST_INSTANT)
    if kind == "float":
        result = result.astype(np.float64)
        nulls = nulls | ~np.isfinite(result)
    return Array(kind, result, nulls)


def _number(values: Values) -> Values:
    return values.astype(np.int64) if values.dtype == bool else values


def _common(values: list[Values]) -> list[Values]:
    """Return numbers as floats where any of them is one, as in the engine."""
    kinds = {value.dtype.kind for value in values}
    return [value.astype(np.float64) for value in values] if kinds == {"i", "f"} else values


def _does_not_fit(op: str, values: Sequence[Values], result: Values) -> Values:
    """Return where whole-number arithmetic has wrapped around 64 bits (Warren, Hacker's Delight, 2-13)."""
    if op in ("neg", "abs"):
        return np.asarray(values[0] == _INT64.min)
    if op not in ("+", "-", "*", "//"):
        return np.zeros(result.shape, dtype=bool)
    left, right = values
    if op == "+":
        return np.asarray(((left ^ result) & (right ^ result)) < 0)
    if op == "-":
        return np.asarray(((left ^ right) & (left ^ result)) < 0)
    if op == "//":
        return np.asarray((left == _INT64.min) & (right == -1))
    return _product_wraps(left, right)


def _product_wraps(left: Values, right: Values) -> Values:
    about = np.abs(left.astype(np.float64) * right.astype(np.float64))
    wraps = np.asarray(about >= 2.0**62)
    for place in np.argwhere(wraps):
        one, other = (int(np.broadcast_to(side, wraps.shape)[tuple(place)]) for side in (left, right))
        wraps[tuple(place)] = not _INT64.min <= one * other <= _INT64.max
    return wraps


def _and(kind: Kind, operands: Sequence[Array]) -> Array:
    false = np.logical_or.reduce(np.broadcast_arrays(*(~truth(item) & ~item.nulls for item in operands)))
    nulls = np.logical_or.reduce(np.broadcast_arrays(*(item.nulls for item in operands))) & ~false
    return Array(kind, ~false & ~nulls, nulls)


def _or(kind: Kind, operands: Sequence[Array]) -> Array:
    true = np.logical_or.reduce(np.broadcast_arrays(*(truth(item) & ~item.nulls for item in operands)))
    nulls = np.logical_or.reduce(np.broadcast_arrays(*(item.nulls for item in operands))) & ~true
    return Array(kind, true, nulls)


def _floor_divide(left: Values, right: Values) -> Values:
    whole = left.dtype.kind == "i" and right.dtype.kind == "i"
    return left // right if whole else np.floor(left / right)


_NULL_AWARE: dict[str, Callable[[Kind, Sequence[Array]], Array]] = {"and": _and, "or": _or}
_VALUES: dict[str, Callable[..., Values]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "//": _floor_divide,
    "%": np.mod,
    "neg": np.negative,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "in": lambda item, *members: np.logical_or.reduce([np.equal(item, member).astype(bool) for member in members]),
    "not": lambda values: values == 0,
}

"""Rows of hostile values, expressions over them, and what each way of computing makes of them."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

from ml_platform.core.expressions import parse_expression
from tests.core.expressions.oracle import value_of

BIG = 2**63
INTS: list[Any] = [
    0,
    1,
    -1,
    7,
    -7,
    2,
    3,
    2**31,
    2**53,
    2**53 + 1,
    -(2**53) - 1,
    2**62,
    BIG - 1,
    BIG - 2,
    -BIG,
    -BIG + 1,
    None,
]
FLOATS: list[Any] = [
    0.0,
    -0.0,
    0.5,
    1.5,
    2.5,
    -0.5,
    -2.5,
    1e-300,
    5e-324,
    1e300,
    -1e300,
    1.7976931348623157e308,
    math.inf,
]
FLOATS += [-math.inf, math.nan, None, 0.1, 0.3, 2.0**53, 9007199254740993.0, 0.49999999999999994, 4503599627370497.5]
FLOATS += [123456789012345678901234567890.0, 9.223372036854775e18, -7.25]
TEXTS: list[Any] = [
    "",
    " ",
    "a",
    "A",
    "ab",
    "é",
    "e\u0301",
    "\uff5e",
    "\U0001f600",
    "\U0001f600a",
    "日本",
    "\n",
    "'",
    "\\",
    None,
]
INSTANTS = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1582, 10, 4, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1900, 2, 28, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2000, 2, 29, 12, tzinfo=UTC),
    datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
    datetime(2262, 4, 12, tzinfo=UTC),
    datetime(9999, 12, 31, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    None,
]
KINDS: dict[str, Any] = {
    "i": "int",
    "j": "int",
    "a": "float",
    "b": "float",
    "p": "bool",
    "q": "bool",
    "s": "string",
    "r": "string",
}
KINDS |= {"t": "timestamp", "u": "timestamp"}
POOLS: dict[str, list[Any]] = {
    "int": INTS,
    "float": FLOATS,
    "bool": [True, False, None],
    "string": TEXTS,
    "timestamp": INSTANTS,
}
ARROW = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "string": pa.string()}
ARROW["timestamp"] = pa.timestamp("us", "UTC")
DRAW = random.Random(5)
ROWS: list[dict[str, Any]] = [{name: DRAW.choice(POOLS[kind]) for name, kind in KINDS.items()} for _ in range(150)]
ROWS += [
    {"i": one, "j": other, "a": x, "b": y, "p": True, "q": None, "s": "a", "r": "", "t": None, "u": None}
    for one, other, x, y in zip(INTS[-6:-1] * 3, [-1, 1, BIG - 1, -BIG, 2] * 3, FLOATS, FLOATS[::-1], strict=False)
]
TABLE = pa.table({name: pa.array([row[name] for row in ROWS], ARROW[kind]) for name, kind in KINDS.items()})


def with_frame() -> dict[str, pd.Series[Any]]:
    kinds = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame = TABLE.to_pandas(types_mapper=kinds.get)
    return {name: frame[name] for name in frame.columns}


COLUMNS = with_frame()


def plain(value: Any) -> Any:
    """Return a value in one form, whatever library it comes from."""
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, datetime):
        return (value.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return value // timedelta(microseconds=1) if isinstance(value, timedelta) else value


def in_python(text: str) -> list[Any]:
    tree = parse_expression(text).root
    return [plain(value_of(tree, row, KINDS)) for row in ROWS]


def in_arrays(text: str) -> list[Any]:
    evaluated = parse_expression(text).evaluate(COLUMNS, len(ROWS))
    if evaluated.dtype.kind in "mM":
        nulls = np.isnat(evaluated)
        return [None if null else int(value) for null, value in zip(nulls, evaluated.astype(np.int64), strict=True)]
    return [plain(value) for value in evaluated.tolist()]


def assert_same(text: str, actual: list[Any], expected: list[Any], row_by_row: list[dict[str, Any]] = ROWS) -> None:
    near = any(name in text for name in ("log", "exp"))  # two libraries, each right to the last bit or two
    for row, one, other in zip(row_by_row, actual, expected, strict=True):
        same = one == other and (one is None) == (other is None)
        if near and isinstance(one, float) and isinstance(other, float):
            same = math.isclose(one, other, rel_tol=4e-15, abs_tol=1e-300)
        assert same, f"{text} on {row}: {one!r}, expected {other!r}"


NUMBER = st.sampled_from(
    ["i", "j", "a", "b", "0", "1", "-1", "2", "7", "-7", "0.5", "1e300", "p", "9223372036854775807"]
)
SPAN = st.sampled_from(["1us", "90m", "36500d", "t - u", "u - t", "2h"])
TEXT = st.sampled_from(["s", "r", "''", "'a'", "'\U0001f600'", "'é'"])


def _numbers(inner: Any) -> Any:
    two = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map(
        lambda x: f"({x[0]} {x[1]} {x[2]})"
    )
    one = st.tuples(st.sampled_from(["-", "abs", "floor", "ceil", "round", "sqrt"]), inner).map(
        lambda x: f"{x[0]}({x[1]})"
    )
    pick = st.tuples(st.sampled_from(["min", "max", "coalesce"]), inner, inner).map(lambda x: f"{x[0]}({x[1]}, {x[2]})")
    chosen = st.tuples(inner, inner, inner, inner).map(lambda x: f"({x[0]} if {x[1]} > {x[2]} else {x[3]})")
    return one | two | pick | chosen


NUMBERS = st.recursive(NUMBER, _numbers, max_leaves=6)
COMPARE = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
CONDITION = (
    st.tuples(NUMBERS, COMPARE, NUMBERS).map(" ".join)
    | st.tuples(TEXT, COMPARE, TEXT).map(" ".join)
    | st.tuples(SPAN, COMPARE, SPAN).map(" ".join)
    | st.sampled_from(
        [
            "contains(s, r)",
            "not ends_with(r, s)",
            "t < u",
            "t == u",
            "i in [1, 2.5, 9007199254740992]",
            "s in ['', 'a']",
            "a in [0, 0.5]",
            "p == q",
        ]
    )
    | NUMBERS.map(lambda text: f"is_null({text})")
)
CONDITIONS = st.recursive(
    CONDITION,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda x: f"({x[0]} {x[1]} {x[2]})")
        | inner.map(lambda text: f"not ({text})")
    ),
    max_leaves=3,
)
INSTANT = st.tuples(st.sampled_from(["t", "u"]), st.sampled_from(["+", "-"]), SPAN).map(
    lambda x: f"({x[0]} {x[1]} ({x[2]}))"
)
TIMES = (
    INSTANT
    | st.tuples(st.sampled_from(["hour", "weekday", "month"]), INSTANT).map(lambda x: f"{x[0]}({x[1]})")
    | st.tuples(st.sampled_from(["minutes", "hours", "days"]), SPAN).map(lambda x: f"{x[0]}({x[1]})")
    | st.tuples(SPAN, st.sampled_from(["+", "-"]), SPAN).map(lambda x: f"({x[0]}) {x[1]} ({x[2]})")
    | st.tuples(SPAN, st.sampled_from(["//", "%", "/"]), SPAN).map(lambda x: f"({x[0]}) {x[1]} ({x[2]})")
    | st.tuples(SPAN, st.sampled_from(["//", "*"]), st.sampled_from(["i", "j", "3"])).map(
        lambda x: f"({x[0]}) {x[1]} {x[2]}"
    )
)
ANY = NUMBERS | CONDITIONS | TIMES
EVERY = [
    "i + j", "i - j", "i * j", "i / j", "i // j", "i % j", "-i", "abs(i)", "a + b", "a - b", "a * b", "a / b",
    "a // b", "a % b", "-a", "abs(a)", "i + a", "i * a", "i // a", "i % a", "i == a", "i < j", "a < b", "a >= b",
    "s < r", "s == r", "min(i, j)", "max(a, b)", "min(i, a)", "coalesce(a, b)", "coalesce(i, a, 0)", "is_null(a)",
    "where(a > 0, i, j)", "floor(a)", "ceil(a)", "round(a)", "sqrt(a)", "log(a)", "exp(a)", "log(i)", "exp(i)",
    "hour(t)", "weekday(t)", "month(t)", "minutes(t - u)", "hours(t - u)", "days(t - u)", "t + 1us", "t - 1d",
    "t - 36500d", "t + (t - u)", "(t - u) * i", "(t - u) // 7", "(t - u) // (u - t)", "(t - u) % 7h",
    "(t - u) / (u - t)", "p + q", "p and q", "p or q", "not p", "i in [1, 2.5, 9007199254740992]",
    "s in ['', '\U0001f600']", "coalesce(a - a * a, 7)", "is_null(exp(a))", "1 / (a * 1e300)",
    "contains(s, r)", "starts_with(s, r)", "ends_with(s, r)", "contains(s, 'é')", "starts_with(s, '')",
    "exp(-abs(a) * 1e300)", "max(a * a, 1)", "-9223372036854775808 + 0 * i",
]  # fmt: skip

"""Ibis expressions as Spark's SQL, with the meaning that they have in DuckDB.

Ibis writes nearly all of it. This module has the differences between the two engines.
"""

from __future__ import annotations

from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import sqlglot as sg
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.base import SQLGlotCompiler
from ibis.backends.sql.compilers.pyspark import PySparkCompiler

from ml_platform.core.engines.spark_as_of import as_of_to_window

_BUILTINS = {
    "epoch_us": "UNIX_MICROS(a)",
    "make_timestamptz": "TIMESTAMP_MICROS(a)",
    "make_timestamp": "CAST(TIMESTAMP_MICROS(a) AS TIMESTAMP_NTZ)",
    "divide": "a DIV b",
    "isfinite": "ABS(a) < CAST('Infinity' AS DOUBLE)",
    "round_even": "RINT(a)",
    "floor": "RINT(a) - IF(RINT(a) > a, 1, 0)",
    "ceil": "-(RINT(-a) - IF(RINT(-a) > -a, 1, 0))",
}
"""DuckDB's functions (`ml_platform.core.engines.ibis_functions`). Spark's own FLOOR gives 64 bits, and wraps."""

_AGGREGATES = {"arg_max_null": "max_by"}

_WHOLE_TO_DECIMAL = """CAST(CAST(a / 9223372036854775808D AS BIGINT) AS DECIMAL(38, 0))
  * CAST('9223372036854775808' AS DECIMAL(38, 0)) + CAST(CAST(a % 9223372036854775808D AS BIGINT) AS DECIMAL(38, 0))"""
"""A float that is a whole number below 2**126, digit by digit, as two of 63 bits.

Spark's own CAST gives the shortest decimal that rounds to it.
"""


class _Compiler(PySparkCompiler):  # type: ignore[misc]
    """Ibis' compiler for Spark, where NaN is not null and the names of functions are DuckDB's."""

    __slots__ = ()

    rewrites = (as_of_to_window, *PySparkCompiler.rewrites)

    def visit_ScalarUDF(self, op: Any, **arguments: Any) -> Any:  # noqa: N802
        if op.__func_name__ == "try":
            return _tried(*arguments.values())
        return _filled(_BUILTINS[op.__func_name__], *arguments.values())

    def visit_AggUDF(self, op: Any, *, where: Any, **arguments: Any) -> Any:  # noqa: N802
        return self.agg[_AGGREGATES[op.__func_name__]](*arguments.values(), where=where)

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        if op.arg.dtype.is_floating() and to.is_decimal():
            return _filled(_WHOLE_TO_DECIMAL, arg)
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:  # noqa: N802
        """Return a number of 64 bits: a plain 5 has 32 in Spark, and a plain 0.5 is a decimal."""
        if dtype.is_integer() or dtype.is_floating():
            return self.cast(sge.Literal.string(repr(value)), dt.int64 if dtype.is_integer() else dt.float64)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_ArrayIndex(self, op: Any, *, arg: Any, index: Any) -> Any:  # noqa: N802
        """Return an element; Spark counts from 1, in 32 bits."""
        return self.f.anon.element_at(arg, sge.Literal.number(op.index.value + 1))

    def visit_WindowBoundary(self, op: Any, *, value: Any, preceding: bool) -> Any:  # noqa: N802
        """Return a bound of a frame, where Spark wants the plain number."""
        plain = sge.Literal.number(op.value.value) if isinstance(op.value, ops.Literal) else value
        return super().visit_WindowBoundary(op, value=plain, preceding=preceding)

    def visit_Field(self, op: Any, *, rel: Any, name: str) -> Any:  # noqa: N802
        return SQLGlotCompiler.visit_Field(self, op, rel=rel, name=name)

    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        return SQLGlotCompiler.visit_IsNull(self, op, arg=arg)

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        return SQLGlotCompiler.visit_NotNull(self, op, arg=arg)

    def visit_IsInf(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        return self.f.abs(arg).eq(self.POS_INF)


def spark_sql(query: Any) -> str:
    """Return an Ibis table as a query of Spark's."""
    compiler = _Compiler()
    return str(compiler.to_sqlglot(query).sql(dialect=compiler.dialect))


def spark_type(dtype: Any) -> str:
    """Return Spark's name for a type of Ibis'."""
    if dtype.is_timestamp():
        return "timestamp" if dtype.timezone else "timestamp_ntz"
    return str(_Compiler.type_mapper.to_string(dtype)).lower().replace(" ", "")


def ibis_type(kind: str) -> Any:
    """Return the type of Ibis' for Spark's name."""
    times = {"timestamp": dt.Timestamp("UTC"), "timestamp_ntz": dt.Timestamp()}
    return times.get(kind) or _Compiler.type_mapper.from_string(kind)


def _filled(template: str, *arguments: Any) -> Any:
    """Return SQL with `a` and `b` replaced."""
    values = dict(zip("ab", arguments, strict=False))
    tree = sg.parse_one(template, dialect=_Compiler.dialect)
    filled = tree.transform(lambda node: _put(node, values))
    return sge.Paren(this=filled)


_TRIED = {sge.Add: "TRY_ADD", sge.Sub: "TRY_SUBTRACT", sge.Mul: "TRY_MULTIPLY"}
_SMALLEST = "CAST('-9223372036854775808' AS BIGINT)"


def _tried(tree: Any) -> Any:
    """Return whole-number arithmetic that is null where its result does not fit: Spark has a function for each."""
    tree = tree.unnest()
    if type(tree) in _TRIED:
        return sge.Anonymous(this=_TRIED[type(tree)], expressions=[tree.left.unnest(), tree.right.unnest()])
    if isinstance(tree, sge.Abs | sge.Neg):  # only the smallest number has no counterpart
        name = "ABS(a)" if isinstance(tree, sge.Abs) else "-a"
        return _filled(f"IF(a = {_SMALLEST}, NULL, {name})", tree.this)
    if isinstance(tree, sge.IntDiv):
        left, right = tree.left, tree.right
        return _filled(f"IF(a = {_SMALLEST} AND b = -1, NULL, a DIV b)", left, right)
    raise NotImplementedError(f"no way to try {type(tree).__name__}")


def _put(node: Any, values: dict[str, Any]) -> Any:
    if isinstance(node, sge.Column) and node.name in values:
        return sge.Paren(this=values[node.name].copy())
    return node

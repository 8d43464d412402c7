"""A parsed expression, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ml_platform.core.errors import ExpressionError, suggest
from ml_platform.core.expressions.parse import parse
from ml_platform.core.expressions.rules import result_kind
from ml_platform.core.expressions.tree import ExpressionNode
from ml_platform.core.expressions.types import Kind, KindError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from ml_platform.core.expressions.arrays import Array
    from ml_platform.core.expressions.row_backend import RowValue

Value = TypeVar("Value")


@dataclass(frozen=True)
class Expression:
    """An expression over named columns, with one meaning in NumPy and in the engine.

    Null propagates: an operation on null is null, except ``and``, ``or``, ``coalesce``, ``is_null`` and ``where``.
    A result that cannot be written down is null: a number that is not finite (a division by zero, the logarithm of
    -1), a whole number that does not fit into 64 bits, an instant outside of the years 1 to 9999.
    Timestamps are instants in UTC; ``hour``, ``weekday`` (Monday is 0) and ``month`` are UTC's.

    Attributes
    ----------
    text
        As it was written.
    names
        The columns that it reads, bare or dotted.
    """

    text: str
    root: ExpressionNode = field(repr=False, compare=False)

    @property
    def names(self) -> frozenset[str]:
        """The columns that the expression reads."""
        return frozenset(str(node.value) for node in self.root.walk() if node.op == "name")

    def check(self, columns: Mapping[str, Kind]) -> Kind:
        """Return the kind of the result over columns of these types.

        Raises
        ------
        ExpressionError
            For an unknown name, with the nearest known one, and for operands that do not fit.
        """

        def leaf(node: ExpressionNode) -> Kind:
            if node.op != "name":
                return _literal_kind(node)
            if node.value not in columns:
                raise ExpressionError(
                    self.text, node.column, f"{node.value} is not a column. {suggest(str(node.value), columns)}"
                )
            return columns[str(node.value)]

        return self._fold(leaf, lambda node, kind, operands: kind, lambda kind: kind)

    def evaluate(self, columns: Mapping[str, np.ndarray[Any, Any] | pd.Series[Any]], rows: int) -> np.ndarray[Any, Any]:
        """Return the result for every row.

        Returns
        -------
        numpy.ndarray
            int64 or bool (object with None where there are nulls), float64 with NaN, object with None for strings,
            datetime64[us] in UTC or timedelta64[us] with NaT.

        Raises
        ------
        ExpressionError
            For an unknown column, and for values that do not fit their operation.

        >>> import numpy as np
        >>> parse_expression("delay >= 30").evaluate({"delay": np.array([45.0, 10.0])}, 2)
        array([ True, False])
        """
        from ml_platform.core.expressions.numpy_backend import to_numpy

        return to_numpy(self._arrays(columns, rows), rows)

    def matches(self, columns: Mapping[str, np.ndarray[Any, Any] | pd.Series[Any]], rows: int) -> np.ndarray[Any, Any]:
        """Return for every row whether the condition holds; null is False."""
        import numpy as np

        result = self._arrays(columns, rows)
        return np.broadcast_to(result.values.astype(bool) & ~result.nulls, (rows,)).copy()

    def of_row(self, names: Mapping[str, RowValue]) -> RowValue:
        """Return the expression for one row, compiled once: the bits are those of `evaluate`.

        Parameters
        ----------
        names
            The value of each name of the expression.

        Raises
        ------
        ExpressionError
            For operands whose kinds do not fit.

        >>> from ml_platform.core.expressions.row_backend import column_value
        >>> late = parse_expression("delay >= 30").of_row({"delay": column_value("delay", "float")})
        >>> late.kind, late.compute({"delay": 45.0}), late.compute({"delay": float("nan")})
        ('bool', True, None)
        """
        from ml_platform.core.expressions.row_backend import apply_row, constant_value

        def leaf(node: ExpressionNode) -> RowValue:
            return names[str(node.value)] if node.op == "name" else constant_value(_literal_kind(node), node.value)

        return self._fold(leaf, apply_row, lambda value: value.kind)

    def to_ibis(self, table: ir.Table) -> ir.Value:
        """Return the expression over a table of the engine.

        Timestamps come back as timestamps in UTC, durations as int64 microseconds.
        """
        from ml_platform.core.expressions.ibis_backend import Compiler

        compiler = Compiler(table, self.text)
        return compiler.result(self._fold(compiler.leaf, compiler.apply, lambda value: value.kind))

    def _arrays(self, columns: Mapping[str, Any], rows: int) -> Array:
        import numpy as np

        from ml_platform.core.expressions.numpy_backend import apply_arrays, array_leaf, array_of

        def leaf(node: ExpressionNode) -> Array:
            if node.op != "name":
                return array_leaf(_literal_kind(node), node.value)
            if node.value not in columns:
                raise ExpressionError(
                    self.text, node.column, f"{node.value} is not a column. {suggest(str(node.value), columns)}"
                )
            return self._guard(node, lambda: array_of(columns[str(node.value)]))

        with np.errstate(all="ignore"):
            return self._fold(leaf, apply_arrays, lambda value: value.kind)

    def _fold(
        self,
        leaf: Callable[[ExpressionNode], Value],
        apply: Callable[[ExpressionNode, Kind, Sequence[Value]], Value],
        kind_of: Callable[[Value], Kind],
    ) -> Value:
        def visit(node: ExpressionNode) -> Value:
            if node.op in ("name", "literal", "duration"):
                return leaf(node)
            operands = [visit(child) for child in node.children]
            kinds = [kind_of(value) for value in operands]
            return self._guard(node, lambda: apply(node, result_kind(node.op, kinds), operands))

        return visit(self.root)

    def _guard(self, node: ExpressionNode, compute: Callable[[], Value]) -> Value:
        """Give an error about kinds its place in the text."""
        try:
            return compute()
        except KindError as error:
            raise ExpressionError(self.text, node.column, str(error)) from None


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Expression:
    """Read an expression.

    Columns are bare or dotted names. There are numbers, texts, True, False, None, durations such as ``2h``,
    ``+ - * / // %``, comparisons, ``and or not``, ``in [..]``, ``a if condition else b``, and the functions of
    `ml_platform.core.expressions.functions`.

    Raises
    ------
    ExpressionError
        With the offset of what cannot be read.

    >>> sorted(parse_expression("sched_dep - 2h > weather.known_at").names)
    ['sched_dep', 'weather.known_at']
    """
    return Expression(text, parse(text))


def _literal_kind(node: ExpressionNode) -> Kind:
    if node.op == "duration":
        return "duration"
    if node.value is None:
        return "null"
    kinds: dict[type, Kind] = {bool: "bool", int: "int", float: "float", str: "string"}
    return kinds[type(node.value)]


def dotted_names(texts: Iterable[str]) -> set[str]:
    """Return the names ``owner.column`` that expressions read; none of an expression that cannot be read.

    >>> dotted_names(["spend > shopping.spend_84d"])
    {'shopping.spend_84d'}
    """
    names = set[str]()
    for text in texts:
        with suppress(ExpressionError):
            names.update(name for name in parse_expression(text).names if "." in name)
    return names

"""From text to a tree, by a whitelist over Python's own parser."""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Mapping
from typing import Any

from ml_platform.core.clock import MICROSECOND, parse_duration
from ml_platform.core.errors import ExpressionError, suggest
from ml_platform.core.expressions.functions import functions
from ml_platform.core.expressions.tree import ExpressionNode

_MAX_LENGTH = 2000
_MAX_DEPTH = 40
"""How many steps what compiles an expression for an engine may go down; most operations are one."""
_STEPS: Mapping[Any, int] = {ast.Div: 2, ast.FloorDiv: 3, ast.Mod: 2}
_INT64 = 2**63
_DURATION = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?<![\w.])[0-9]+(?:us|w|d|h|m|s)\b""")
_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%"}
_COMPARE = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_HINTS = {
    ast.Pow: "** is not an operator here. Multiply instead",
    ast.Is: "'is' is not an operator here. Write is_null(x) to test for null",
    ast.IsNot: "'is not' is not an operator here. Write not is_null(x)",
    ast.BitAnd: "& is not an operator here. Write and",
    ast.BitOr: "| is not an operator here. Write or",
    ast.Invert: "~ is not an operator here. Write not",
}
_FOREIGN: dict[type[ast.AST], str] = {
    ast.Attribute: "a dot after anything but a table's name",
    ast.Await: "await",
    ast.Dict: "a dictionary",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.JoinedStr: "an f-string",
    ast.Lambda: "a lambda",
    ast.List: "a list outside of 'in'",
    ast.ListComp: "a comprehension",
    ast.NamedExpr: "an assignment",
    ast.Set: "a set",
    ast.SetComp: "a comprehension",
    ast.Starred: "a star",
    ast.Subscript: "an index in brackets",
    ast.Tuple: "a tuple outside of 'in'",
    ast.Yield: "yield",
}
_TOO_DEEP = (
    f"operations are nested too deeply: at most {_MAX_DEPTH} deep or in a row, and half as many divisions. Group them, "
    "such as (a + b) + (c + d), or make features of parts of it"
)
_ALLOWED = "Write columns, values, operators and functions only"


def parse(text: str) -> ExpressionNode:
    """Return the tree of an expression.

    Raises
    ------
    ExpressionError
        With the offset of what cannot be read.
    """
    if len(text) > _MAX_LENGTH:
        raise ExpressionError(text[:40] + "...", 0, f"longer than {_MAX_LENGTH} characters")
    return _Parser(text).node()


def _steps(tree: ast.expr) -> int:
    if isinstance(tree, ast.BinOp):
        return _STEPS.get(type(tree.op), 1)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in functions():
        return functions()[tree.func.id].steps
    return 1


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._indent = len(text) - len(text.lstrip())
        self._durations: dict[int, str] = {}
        self._depth = 0
        self._prepared = _DURATION.sub(self._hide_duration, text).lstrip().replace("\n", " ").replace("\r", " ")

    def _hide_duration(self, match: re.Match[str]) -> str:
        """Put a name as long as the duration in its place, so that every offset stays right."""
        if match.group(1) is not None:
            return match.group(0)
        self._durations[match.start()] = match.group(0)
        return "_" * len(match.group(0))

    def node(self) -> ExpressionNode:
        if not self._prepared.strip():
            raise ExpressionError(self._text, 0, "nothing is written")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                warnings.simplefilter("ignore", DeprecationWarning)
                return self._node(ast.parse(self._prepared, mode="eval").body)
        except SyntaxError as error:
            column = self._indent + max((error.offset or 1) - 1, 0)
            raise ExpressionError(self._text, min(column, len(self._text) - 1), f"{error.msg}. {_ALLOWED}") from None
        except ValueError as error:  # a character that Python's parser refuses, such as U+0000
            raise ExpressionError(self._text, 0, f"cannot be read: {error}. {_ALLOWED}") from None
        except (RecursionError, MemoryError):
            raise ExpressionError(self._text, 0, _TOO_DEEP) from None

    def _column(self, tree: ast.expr) -> int:
        return self._indent + len(self._prepared.encode()[: tree.col_offset].decode())

    def _fail(self, tree: ast.expr, problem: str) -> ExpressionError:
        return ExpressionError(self._text, self._column(tree), problem)

    def _node(self, tree: ast.expr) -> ExpressionNode:
        steps = _steps(tree)
        self._depth += steps
        if self._depth > _MAX_DEPTH:
            raise ExpressionError(self._text, 0, _TOO_DEEP)
        node = self._of(tree, self._column(tree))
        self._depth -= steps
        return node

    def _of(self, tree: ast.expr, column: int) -> ExpressionNode:
        match tree:
            case ast.Name() if column in self._durations:
                return self._duration(tree, column)
            case ast.Name():
                return ExpressionNode("name", column, tree.id)
            case ast.Attribute(value=ast.Name(id=table), attr=attribute):
                return ExpressionNode("name", column, f"{table}.{attribute}")
            case ast.Constant():
                return self._literal(tree, column)
            case ast.BinOp():
                return self._operation(tree, _BINARY, tree.op, tree.left, tree.right)
            case ast.UnaryOp(op=ast.USub()):
                return self._negative(tree, column)
            case ast.UnaryOp():
                return self._operation(tree, {ast.Not: "not"}, tree.op, tree.operand)
            case ast.BoolOp():
                op = "and" if isinstance(tree.op, ast.And) else "or"
                return ExpressionNode(op, column, None, tuple(map(self._node, tree.values)))
            case ast.Compare():
                return self._comparison(tree, column)
            case ast.IfExp():
                return ExpressionNode(
                    "where", column, None, tuple(map(self._node, (tree.test, tree.body, tree.orelse)))
                )
            case ast.Call():
                return self._call(tree, column)
        what = _FOREIGN.get(type(tree), type(tree).__name__)
        raise self._fail(tree, f"{what} is not part of expressions. {_ALLOWED}")

    def _duration(self, tree: ast.Name, column: int) -> ExpressionNode:
        try:
            return ExpressionNode("duration", column, parse_duration(self._durations[column]) // MICROSECOND)
        except ValueError as error:
            raise self._fail(tree, str(error)) from None

    def _literal(self, tree: ast.Constant, column: int) -> ExpressionNode:
        value = tree.value
        if not (value is None or isinstance(value, bool | int | float | str)):
            raise self._fail(tree, f"{value!r} is not a number, a text, True, False or None")
        if isinstance(value, float) and not math.isfinite(value):
            raise self._fail(tree, "the number is too large")
        if isinstance(value, int) and not -_INT64 <= value < _INT64:
            raise self._fail(tree, "the number does not fit into 64 bits")
        return ExpressionNode("literal", column, value)

    def _negative(self, tree: ast.UnaryOp, column: int) -> ExpressionNode:
        number = tree.operand
        if isinstance(number, ast.Constant) and type(number.value) is int and number.value == _INT64:
            return ExpressionNode("literal", column, -_INT64)  # the smallest whole number has no positive twin
        operand = self._node(tree.operand)
        if isinstance(operand.value, int | float) and not isinstance(operand.value, bool):
            return ExpressionNode(operand.op, column, -operand.value)
        return ExpressionNode("neg", column, None, (operand,))

    def _operation(self, tree: ast.expr, known: Mapping[Any, str], op: ast.AST, *operands: ast.expr) -> ExpressionNode:
        if type(op) not in known:
            problem = _HINTS.get(type(op), f"{type(op).__name__} is not an operator here")
            raise self._fail(operands[-1], problem)
        return ExpressionNode(known[type(op)], self._column(tree), None, tuple(map(self._node, operands)))

    def _comparison(self, tree: ast.Compare, column: int) -> ExpressionNode:
        left, parts = tree.left, []
        for op, right in zip(tree.ops, tree.comparators, strict=True):
            parts.append(self._membership(left, op, right) or self._compare(left, op, right))
            left = right
        return parts[0] if len(parts) == 1 else ExpressionNode("and", column, None, tuple(parts))

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ExpressionNode:
        for side in (left, right):
            if isinstance(side, ast.Constant) and side.value is None:
                raise self._fail(side, "a comparison with None is never true. Write is_null(x)")
        return self._operation(left, _COMPARE, op, left, right)

    def _membership(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ExpressionNode | None:
        if not isinstance(op, ast.In | ast.NotIn):
            return None
        if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
            raise self._fail(right, "`in` needs a list, such as ['a', 'b']")
        items = tuple(map(self._node, right.elts))
        for tree, item in zip(right.elts, items, strict=True):
            if item.op not in ("literal", "duration") or item.value is None:
                raise self._fail(tree, "a list holds plain values only")
        membership = ExpressionNode("in", self._column(left), None, (self._node(left), *items))
        return membership if isinstance(op, ast.In) else ExpressionNode("not", membership.column, None, (membership,))

    def _call(self, tree: ast.Call, column: int) -> ExpressionNode:
        if not isinstance(tree.func, ast.Name) or tree.func.id not in functions():
            name = ast.unparse(tree.func)
            raise self._fail(tree, f"{name} is not a function here. {suggest(name, functions())}")
        if tree.keywords or any(isinstance(argument, ast.Starred) for argument in tree.args):
            raise self._fail(tree, f"{tree.func.id} takes its arguments by position")
        return ExpressionNode(tree.func.id, column, None, tuple(map(self._node, tree.args)))

"""Which kind of value an operation gives for which kinds of operands.

The check of a declaration, the evaluation over arrays and the compilation for the engine all ask here, so they cannot
disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ml_platform.core.expressions.functions import functions
from ml_platform.core.expressions.types import Kind, KindError, common_kind, expect_kinds, kind_text, number_kind


def result_kind(op: str, kinds: Sequence[Kind]) -> Kind:
    """Return the kind of an operation's result.

    Parameters
    ----------
    op
        An operator, or a function's name.

    Raises
    ------
    KindError
        Where the operands do not fit, in words for the author.
    """
    return _OPERATORS[op](op, kinds) if op in _OPERATORS else functions()[op].kind(kinds)


def _arithmetic(op: str, kinds: Sequence[Kind]) -> Kind:
    left, right = (number_kind(kind) for kind in kinds)
    if "null" in (left, right):
        other = right if left == "null" else left
        return "float" if op == "/" and other == "int" else other
    if {left, right} <= {"int", "float"}:
        return "float" if op == "/" or "float" in (left, right) else "int"
    special = _TEMPORAL.get((op, left, right))
    if special is None:
        raise KindError(f"{kind_text(kinds[0])} {op} {kind_text(kinds[1])} has no meaning")
    return special


_TEMPORAL: dict[tuple[str, Kind, Kind], Kind] = {
    ("+", "timestamp", "duration"): "timestamp",
    ("+", "duration", "timestamp"): "timestamp",
    ("-", "timestamp", "duration"): "timestamp",
    ("-", "timestamp", "timestamp"): "duration",
    ("+", "duration", "duration"): "duration",
    ("-", "duration", "duration"): "duration",
    ("*", "duration", "int"): "duration",
    ("*", "int", "duration"): "duration",
    ("//", "duration", "int"): "duration",
    ("//", "duration", "duration"): "int",
    ("%", "duration", "duration"): "duration",
    ("/", "duration", "duration"): "float",
}


def _negative(op: str, kinds: Sequence[Kind]) -> Kind:
    expect_kinds("-", kinds, {"bool", "int", "float", "duration"})
    return number_kind(kinds[0])


def _comparison(op: str, kinds: Sequence[Kind]) -> Kind:
    common_kind(kinds)
    return "bool"


def _logic(op: str, kinds: Sequence[Kind]) -> Kind:
    expect_kinds(op, kinds, {"bool"})
    return "bool"


_OPERATORS: dict[str, Callable[[str, Sequence[Kind]], Kind]] = {
    **dict.fromkeys(("+", "-", "*", "/", "//", "%"), _arithmetic),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), _comparison),
    **dict.fromkeys(("and", "or", "not"), _logic),
    "neg": _negative,
}

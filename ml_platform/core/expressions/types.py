"""Which kind of value an operation gives for which kinds of operands.

Kinds are the column types, ``duration``, and ``null`` for the literal None. The check
of a declaration, the evaluation over arrays and the compilation for the engine all
ask here, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

Kind = Literal["string", "int", "float", "bool", "timestamp", "duration", "null"]
FIRST_INSTANT, LAST_INSTANT = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999 in microseconds since 1970 UTC: what a calendar has. An instant outside is null."""
_ARTICLE = {"int": "an int", "null": "null"}


class KindError(Exception):
    """Operands that do not fit their operation."""


def result_kind(op: str, kinds: Sequence[Kind]) -> Kind:
    """Return the kind of an operation's result.

    Raises
    ------
    KindError
        Where the operands do not fit, in words for the author.
    """
    return _RULES[op](op, kinds)


def told(kind: Kind) -> str:
    """Return the kind with its article: ``a timestamp``."""
    return _ARTICLE.get(kind, f"a {kind}")


def common_kind(kinds: Sequence[Kind]) -> Kind:
    """Return the one kind that all of `kinds` can take part in; null takes part in any."""
    found = set(kinds) - {"null"}
    if not found:
        return "null"
    if len(found) == 1:
        return found.pop()
    if found <= {"bool", "int", "float"}:
        return "float" if "float" in found else "int"
    raise KindError(f"{' and '.join(told(kind) for kind in sorted(found))} do not go together")


def _arithmetic(op: str, kinds: Sequence[Kind]) -> Kind:
    left, right = (_number(kind) for kind in kinds)
    if "null" in (left, right):
        other = right if left == "null" else left
        return "float" if op == "/" and other == "int" else other
    if {left, right} <= {"int", "float"}:
        return "float" if op == "/" or "float" in (left, right) else "int"
    special = _TEMPORAL.get((op, left, right))
    if special is None:
        raise KindError(f"{told(kinds[0])} {op} {told(kinds[1])} has no meaning")
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


def _number(kind: Kind) -> Kind:
    return "int" if kind == "bool" else kind


def _negative(op: str, kinds: Sequence[Kind]) -> Kind:
    _expect("-", kinds, {"bool", "int", "float", "duration"})
    return _number(kinds[0])


def _comparison(op: str, kinds: Sequence[Kind]) -> Kind:
    common_kind(kinds)
    return "bool"


def _logic(op: str, kinds: Sequence[Kind]) -> Kind:
    _expect(op, kinds, {"bool"})
    return "bool"


def _where(op: str, kinds: Sequence[Kind]) -> Kind:
    _count(op, kinds, 3)
    _expect(op, kinds[:1], {"bool"})
    return common_kind(kinds[1:])


def _is_null(op: str, kinds: Sequence[Kind]) -> Kind:
    _count(op, kinds, 1)
    return "bool"


def _any_of(op: str, kinds: Sequence[Kind]) -> Kind:
    if len(kinds) < 2:
        raise KindError(f"{op} takes two or more arguments, found {len(kinds)}")
    return common_kind(kinds)


def _extreme(op: str, kinds: Sequence[Kind]) -> Kind:
    _expect(op, kinds, {"bool", "int", "float", "timestamp", "duration"})
    return _number(_any_of(op, kinds))


def _rounding(op: str, kinds: Sequence[Kind]) -> Kind:
    _count(op, kinds, 1)
    _expect(op, kinds, {"bool", "int", "float"})
    return _number(kinds[0])


def _absolute(op: str, kinds: Sequence[Kind]) -> Kind:
    _count(op, kinds, 1)
    _expect(op, kinds, {"bool", "int", "float", "duration"})
    return _number(kinds[0])


def _real(op: str, kinds: Sequence[Kind]) -> Kind:
    _count(op, kinds, 1)
    _expect(op, kinds, {"bool", "int", "float"})
    return "float"


def _calendar(op: str, kinds: Sequence[Kind]) -> Kind:
    _count(op, kinds, 1)
    _expect(op, kinds, {"timestamp"})
    return "int"


def _length(op: str, kinds: Sequence[Kind]) -> Kind:
    _count(op, kinds, 1)
    _expect(op, kinds, {"duration"})
    return "float"


def _count(op: str, kinds: Sequence[Kind], count: int) -> None:
    if len(kinds) != count:
        raise KindError(f"{op} takes {count} argument{'s' if count > 1 else ''}, found {len(kinds)}")


def _expect(op: str, kinds: Sequence[Kind], allowed: set[Kind]) -> None:
    for kind in kinds:
        if kind != "null" and kind not in allowed:
            raise KindError(f"{op} takes {' or '.join(told(item) for item in sorted(allowed))}, found {told(kind)}")


_Rule = Callable[[str, Sequence[Kind]], Kind]
_FUNCTION_RULES: dict[str, _Rule] = {
    "abs": _absolute,
    "min": _extreme,
    "max": _extreme,
    "coalesce": _any_of,
    "is_null": _is_null,
    "where": _where,
    "floor": _rounding,
    "ceil": _rounding,
    "round": _rounding,
    "sqrt": _real,
    "log": _real,
    "exp": _real,
    "hour": _calendar,
    "weekday": _calendar,
    "month": _calendar,
    "minutes": _length,
    "hours": _length,
    "days": _length,
}
FUNCTIONS = tuple(_FUNCTION_RULES)
_RULES: dict[str, _Rule] = {
    **dict.fromkeys(("+", "-", "*", "/", "//", "%"), _arithmetic),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), _comparison),
    **dict.fromkeys(("and", "or", "not"), _logic),
    "neg": _negative,
    **_FUNCTION_RULES,
}

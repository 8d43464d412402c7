"""Kinds of values: the column types, ``duration``, and ``null`` for the literal None."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Kind = Literal["string", "int", "float", "bool", "timestamp", "duration", "null"]
FIRST_INSTANT, LAST_INSTANT = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999 in microseconds since 1970 UTC: what a calendar has. An instant outside is null."""
_ARTICLE = {"int": "an int", "null": "null"}


class KindError(Exception):
    """Operands that do not fit their operation."""


def kind_text(kind: Kind) -> str:
    """Return the kind with its article: ``a timestamp``."""
    return _ARTICLE.get(kind, f"a {kind}")


def common_kind(kinds: Sequence[Kind]) -> Kind:
    """Return the one kind that all of `kinds` can take part in; null takes part in any."""
    known_kinds = set(kinds) - {"null"}
    if not known_kinds:
        return "null"
    if len(known_kinds) == 1:
        return known_kinds.pop()
    if known_kinds <= {"bool", "int", "float"}:
        return "float" if "float" in known_kinds else "int"
    raise KindError(f"{' and '.join(kind_text(kind) for kind in sorted(known_kinds))} do not go together")


def number_kind(kind: Kind) -> Kind:
    """Return the kind in arithmetic: a bool is a whole number there."""
    return "int" if kind == "bool" else kind


def count_operands(op: str, kinds: Sequence[Kind], count: int) -> None:
    """Refuse any other number of operands."""
    if len(kinds) != count:
        raise KindError(f"{op} takes {count} argument{'s' if count > 1 else ''}, found {len(kinds)}")


def expect_kinds(op: str, kinds: Sequence[Kind], allowed: set[Kind]) -> None:
    """Refuse operands of other kinds; null goes with all."""
    for kind in kinds:
        if kind != "null" and kind not in allowed:
            raise KindError(
                f"{op} takes {' or '.join(kind_text(item) for item in sorted(allowed))}, found {kind_text(kind)}"
            )

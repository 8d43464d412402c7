"""What a parameter may be, written in one short text: ``int [1, inf) | fraction (0, 1] | sqrt log2 | null``.

``int`` and ``number`` (whole or not) and ``fraction`` (a number with a decimal point) may have a range. Without one are
``bool``, ``null``, ``text``, ``mapping``, ``time`` (a date or a moment), ``texts``, ``ints`` and ``values`` (lists of
texts, of whole numbers, of plain values), ``groups`` and ``pairs`` (lists of such lists). Every other word is a text
that is allowed, and ``words:`` before such texts allows a list of them too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ml_platform.core.errors import suggest
from ml_platform.declarations.yaml.pydantic_errors import either, show

MAX_INT = 2**31 - 1
"""The largest whole number that the estimator libraries hold."""

FRACTION = "number (0, 1]"
SHARE = "number [0, 1]"
POSITIVE = "number (0, inf)"
NOT_NEGATIVE = "number [0, inf)"
COUNT = "int [1, inf)"

_RANGED = re.compile(r"(int|number|fraction)(?: ([\[(])(\S+), (\S+)([\])]))?")
_NUMBER_NAMES = {"int": "a whole number", "number": "a number", "fraction": "a number with a decimal point"}


@dataclass(frozen=True)
class Choice:
    """One of the things that a parameter may be: a test, its name for people, and texts that it allows."""

    holds: Callable[[Any], bool]
    name: str
    texts: tuple[str, ...] = ()


def value_fault(rule: str, value: Any) -> str | None:
    """Return what is wrong with a parameter's value, or None.

    >>> value_fault("int [2, 255]", 1)
    'must be a whole number from 2 to 255, found 1'
    >>> value_fault("int [1, inf) | sqrt log2 | null", "sqr")
    "must be a whole number from 1 to 2,147,483,647, sqrt, log2 or null, found 'sqr'. Did you mean sqrt?"
    """
    choices = _choices(rule)
    if any(choice.holds(value) for choice in choices):
        return None
    texts = [text for choice in choices for text in choice.texts]
    hint = f". {suggest(value, texts)}" if isinstance(value, str) and len(texts) > 1 else ""
    names = [name for choice in choices for name in (choice.texts or (choice.name,))]
    shown = "null" if value is None else show(value)
    return f"must be {either(names)}, found {shown}{hint}"


@lru_cache(maxsize=1024)
def _choices(rule: str) -> tuple[Choice, ...]:
    return tuple(_choice(part.strip()) for part in rule.split("|"))


def _choice(part: str) -> Choice:
    if match := _RANGED.fullmatch(part):
        return _ranged(*match.groups())
    if part in _PLAIN:
        return _PLAIN[part]
    as_list = part.startswith("words:")
    texts = tuple(part.removeprefix("words:").split())

    def holds(value: Any) -> bool:
        if as_list and isinstance(value, list):
            return bool(value) and all(isinstance(item, str) and item in texts for item in value)
        return isinstance(value, str) and value in texts

    return Choice(holds, part, texts)


def _ranged(kind: str, opening: str | None, low_text: str | None, high_text: str | None, closing: str | None) -> Choice:
    low, high = float(low_text or "-inf"), float(high_text or "inf")
    types: tuple[type, ...] = {"int": (int,), "number": (int, float), "fraction": (float,)}[kind]

    def holds(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isinstance(value, types):
            return False
        if kind == "int" and abs(value) > MAX_INT:
            return False
        above = value > low if opening == "(" else value >= low
        return above and (value < high if closing == ")" else value <= high)

    return Choice(holds, f"{_NUMBER_NAMES[kind]}{_range_name(kind, opening, low, high, closing)}")


def _range_name(kind: str, opening: str | None, low: float, high: float, closing: str | None) -> str:
    """Return a range as people write it; whole numbers without an end are those that the libraries hold."""
    infinite = float("inf")
    if kind == "int" and low == -infinite and high == infinite:
        return f" from {-MAX_INT:,} to {MAX_INT:,}"
    if low == -infinite:
        return ""
    if kind == "int":
        return f" from {low:,.0f} to {high if high < infinite else MAX_INT:,.0f}"
    if opening == "[" and closing == "]":
        return f" from {low:g} to {high:g}"
    start = f"above {low:g}" if opening == "(" else f"of at least {low:g}"
    end = f" and at most {high:g}" if closing == "]" else f" and below {high:g}"
    return f" {start}{end if high < infinite else ''}"


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INT


def _is_list(value: Any, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and bool(value) and all(holds(item) for item in value)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(item is None or _is_scalar(item) for item in value)


def read_time(value: Any) -> datetime | None:
    """Return the moment that a text of ISO 8601 names, in UTC where it names no zone; None for anything else."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


_PLAIN: Mapping[str, Choice] = {
    "bool": Choice(lambda value: isinstance(value, bool), "true or false"),
    "null": Choice(lambda value: value is None, "null"),
    "text": Choice(lambda value: isinstance(value, str), "a text"),
    "mapping": Choice(lambda value: isinstance(value, dict), "a mapping"),
    "ints": Choice(lambda value: _is_list(value, _is_int), "a list of whole numbers"),
    "groups": Choice(
        lambda value: _is_list(value, lambda item: _is_list(item, _is_int)), "a list of lists of whole numbers"
    ),
    "time": Choice(lambda value: read_time(value) is not None, "a date or a time"),
    "texts": Choice(lambda value: _is_list(value, lambda item: isinstance(item, str)), "a list of texts"),
    "values": Choice(lambda value: _is_list(value, _is_scalar), "a list of texts, numbers or true and false"),
    "pairs": Choice(lambda value: _is_list(value, _is_pair), "a list of pairs such as [[a, b]]"),
}

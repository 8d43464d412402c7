"""The columns of its population that a request brings, checked by name and type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ml_platform.core.errors import OnlineRequestFault, suggest
from ml_platform.declarations.source import ColumnType
from ml_platform.operations.online.content import PopulationNeeds

_NAN = float("nan")
_LEAST, _GREATEST = -(2**63), 2**63 - 1


class SentValues:
    """Reads the columns of requests to one model.

    Attributes
    ----------
    keys, needed
        The columns of the frame that hold the entity's key, and all that must be known, ``source.column``.
    """

    def __init__(self, model: str, needs: PopulationNeeds) -> None:
        self._model, self._allowed = model, needs.allowed
        self._names = {name: f"{needs.name}.{name}" for name in needs.allowed}
        self._readers = {
            name: (self._names[name], _READERS[kind], _NAN if kind == "float" else None)
            for name, kind in needs.allowed.items()
        }
        self._key_names, self.keys = needs.keys, tuple(self._names[name] for name in needs.keys)
        self.needed: tuple[str, ...] = tuple(self._names[name] for name in needs.needed)
        self._all_needed = frozenset(self.needed)

    def read(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns of a request as those of the frame.

        Raises
        ------
        OnlineRequestFault
        """
        values: dict[str, Any] = {}
        for name, value in row.items():
            if name not in self._readers:
                raise self._unknown(name)
            dotted, read, null = self._readers[name]
            try:
                values[dotted] = null if value is None else read(value)
            except (TypeError, ValueError):
                raise self._wrong(name, value) from None
        for key in self.keys:
            if key in values and (values[key] is None or values[key] != values[key]):
                name = key.partition(".")[2]
                raise OnlineRequestFault(
                    f"{self._model}: column {name} is null. It is a key of the entity: send its value."
                )
        return values

    def read_key(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the entity's key that a request has, each value as one of its column's type; None where it has none.

        Raises
        ------
        OnlineRequestFault
        """
        read = self.read({name: row[name] for name in self._key_names if name in row})
        return tuple(read.get(name) for name in self.keys)

    def missing(self, values: Mapping[str, Any]) -> Sequence[str]:
        """Return the needed columns that are not there."""
        if values.keys() >= self._all_needed:
            return ()
        return [name for name in self.needed if name not in values]

    def _unknown(self, name: str) -> OnlineRequestFault:
        hint = suggest(name, self._allowed)
        return OnlineRequestFault(f"{self._model}: there is no column {name[:100]!r} in its population. {hint}")

    def _wrong(self, name: str, value: Any) -> OnlineRequestFault:
        shown = f"{type(value).__name__} {str(value)[:60]!r}"
        return OnlineRequestFault(
            f"{self._model}: column {name} must be {self._allowed[name]}, found {shown}. {_HINTS[self._allowed[name]]}"
        )


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    value.encode()  # a lone surrogate is no text
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or not _LEAST <= value <= _GREATEST:
        raise TypeError
    return value


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is not int:
        raise TypeError
    try:
        return float(value)
    except OverflowError:
        raise ValueError from None


def _condition(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value


def _instant(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError
    return value.astimezone(UTC)


_READERS: Mapping[ColumnType, Callable[[Any], Any]] = {
    "string": _text,
    "int": _whole,
    "float": _number,
    "bool": _condition,
    "timestamp": _instant,
}
_HINTS: Mapping[ColumnType, str] = {
    "string": "Give a text.",
    "int": "Give a whole number of at most 64 bits.",
    "float": "Give a number.",
    "bool": "Give true or false.",
    "timestamp": "Give an instant with its time zone.",
}

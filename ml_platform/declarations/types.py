"""Value types that declarations share: durations, schedules, windows, owners."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import CoreSchema

from ml_platform.core.clock import Schedule, format_duration, parse_duration
from ml_platform.core.hashing import canonical_json
from ml_platform.declarations.yaml.pydantic_errors import show

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
_OWNER = re.compile(
    r"team:[A-Za-z0-9_-]{1,100}|\w[A-Za-z0-9._%+-]{0,100}@[A-Za-z0-9.-]{1,100}\.[A-Za-z]{2,7}", re.ASCII
)
"""What Dagster takes as an owner; a test compares the two."""


class Declaration(BaseModel):
    """What every part of a declaration is: frozen, and strict about names and types."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True, allow_inf_nan=False
    )


@dataclass(frozen=True)
class Shorthand:
    """Marks, for editors, that a part of a declaration may also be written as a plain text."""

    schema: Mapping[str, Any]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the JSON schema of both forms."""
        return {"anyOf": [dict(self.schema), handler(core)]}


def exactly_one(*names: str) -> dict[str, Any]:
    """Return the JSON schema rule that exactly one of some keys is given."""
    return {"oneOf": [{"required": [name]} for name in names]}


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{show(value)} is not a duration. Write a number and a unit (w, d, h, m, s), such as 30d")
    return parse_duration(value)


def _positive(value: Any) -> timedelta:
    span = _duration(value)
    if span <= timedelta(0):
        raise ValueError(f"must be positive, found {format_duration(span)}. Give a span of time such as 30d")
    return span


def _not_negative(value: Any) -> timedelta:
    span = _duration(value)
    if span < timedelta(0):
        raise ValueError(f"must not be negative, found {format_duration(span)}. Give a span of time such as 10m, or 0s")
    return span


_AS_TEXT = PlainSerializer(format_duration, return_type=str)
_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^[+-]?\d+(us|w|d|h|m|s)$", "examples": ["30d"]})
Duration = Annotated[timedelta, BeforeValidator(_duration), _AS_TEXT, _DURATION_SCHEMA]
Span = Annotated[timedelta, BeforeValidator(_positive), _AS_TEXT, _DURATION_SCHEMA]
Delay = Annotated[timedelta, BeforeValidator(_not_negative), _AS_TEXT, _DURATION_SCHEMA]


def _schedule(value: Any) -> Schedule:
    return value if isinstance(value, Schedule) else Schedule(str(value))


Cron = Annotated[
    Schedule,
    BeforeValidator(_schedule),
    PlainSerializer(lambda schedule: schedule.text, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["0 3 * * 1 UTC"]}),
]


@dataclass(frozen=True)
class Window:
    """Event times in ``(tick + start, tick + end]``; `start` None means since ever.

    ``7d`` is ``(tick - 7d, tick]``. A forward window such as ``[0h, 2h]`` reads rows that are known ahead.
    """

    start: timedelta | None
    end: timedelta = timedelta(0)

    @property
    def label(self) -> str:
        """The window as it is written in a feature's column name, such as ``7d`` or ``next_2h``."""
        if self.start is None:
            return "ever"
        if self.end == timedelta(0):
            return format_duration(-self.start)
        if self.start == timedelta(0):
            return f"next_{format_duration(self.end)}"
        return f"{format_duration(self.start)}_to_{format_duration(self.end)}".replace("-", "m")

    @property
    def text(self) -> str | list[str]:
        """The window as a declaration writes it."""
        if self.start is None:
            return "ever"
        if self.end == timedelta(0):
            return format_duration(-self.start)
        return [format_duration(self.start), format_duration(self.end)]


def _window(value: Any) -> Window:
    if isinstance(value, Window):
        return value
    if value == "ever":
        return Window(start=None)
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise ValueError(f"{list(value)!r} is not a window. Write two offsets from the tick, such as [0h, 2h]")
        start, end = _duration(value[0]), _duration(value[1])
        if end <= start:
            raise ValueError(f"window ends at {value[1]}, not after its start {value[0]}. Write the earlier one first")
        return Window(start, end)
    return Window(-_positive(value))


WindowField = Annotated[
    Window,
    BeforeValidator(_window),
    PlainSerializer(lambda window: window.text),
    WithJsonSchema({"type": ["string", "array"], "examples": ["7d", "ever", ["0h", "2h"]]}),
]


def _expression(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


ExpressionText = Annotated[str, BeforeValidator(_expression), WithJsonSchema({"type": ["string", "number"]})]


def _plain(value: Any) -> Any:
    try:
        canonical_json(value)
    except TypeError as error:
        raise ValueError(f"{error}. Give plain, finite values") from None
    return value


JsonValue = Annotated[Any, AfterValidator(_plain)]


def _owner(value: Any) -> str:
    if not isinstance(value, str) or not _OWNER.fullmatch(value):
        raise ValueError(
            f"{show(value)} is not an owner. Write an e-mail address, or team:NAME with letters, digits, _ and -"
        )
    return value


Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Owner = Annotated[
    str,
    BeforeValidator(_owner),
    WithJsonSchema({"type": "string"}),
    Field(
        description="Who answers for it: an email address, or a team. The default is the owner of the project.",
        examples=["team:network", "ada@example.com"],
    ),
]
SpecVersion = Annotated[Literal[1], Field(description="The version of this file format.", examples=[1])]
Description = Annotated[
    str,
    Field(
        description="What it is, in a sentence. The catalog and Dagster show it; it changes no cache key.",
        examples=["Will this parcel arrive 30 minutes late or more?"],
    ),
]

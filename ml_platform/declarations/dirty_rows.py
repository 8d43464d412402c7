"""What a source declares about dirty rows: rows that do not fit its declaration."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from ml_platform.declarations.types import Declaration, Shorthand
from ml_platform.declarations.yaml.pydantic_errors import show

OnErrorPolicy = Literal["fail", "quarantine", "null"]
DuplicatesPolicy = Literal["fail", "keep_latest", "quarantine"]

NewColumnsPolicy = Literal["ignore", "report", "fail"]

POLICIES = frozenset({"on_error", "duplicates", "quarantine", "new_columns", "missing_columns"})
"""Keys that decide which rows are refused, not what a row means: a log is continued where one of them changes."""
DEFAULT_LIMIT = 0.01
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")


def _null(value: Any) -> Any:
    """Take the null of YAML for the word: ``on_error: null`` is written without quotes."""
    return "null" if value is None else value


OnError = Annotated[OnErrorPolicy | None, BeforeValidator(_null), Shorthand({"type": "null"})]

MissingColumns = Annotated[Literal["fail", "null"] | None, BeforeValidator(_null), Shorthand({"type": "null"})]


def _share(value: Any) -> float:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    share = float(match[1]) / 100 if match else value
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise ValueError(f"must be above 0 % and at most 100 %, found {show(value)}. Write a share such as 0.1%")
    return float(share)


def percent_text(share: float) -> str:
    """Return a share as a declaration writes it.

    >>> percent_text(0.001)
    '0.1%'
    """
    return f"{round(share * 100, 10):g}%"


Share = Annotated[
    float,
    BeforeValidator(_share),
    PlainSerializer(percent_text, return_type=str),
    WithJsonSchema({"type": ["string", "number"], "examples": ["0.1%"]}),
]


class QuarantineLimit(Declaration):
    """How many dirty rows one ingest accepts."""

    at_most: Share = Field(
        DEFAULT_LIMIT,
        description="The largest share of the rows that one ingest reads which may be dirty: in quarantine, or with "
        "a value that on_error made null. Rounded up, so that one dirty row never stops an ingest. Above it the "
        "ingest fails and writes nothing.",
        examples=["0.1%"],
    )

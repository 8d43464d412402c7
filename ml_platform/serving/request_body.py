"""Bodies of requests: JSON, read strictly.

Python's reader takes more than JSON has, and forgets what comes twice. A request with one key twice, or with a value
that no column can hold, is refused and not repaired.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import msgspec

from ml_platform.serving.problems import RequestProblem

MAX_DEPTH = 32
_SHOWN = 60


def read_json(body: bytes) -> Any:
    """Return the value that a body holds.

    Raises
    ------
    RequestProblem
        Where it is not UTF-8, not JSON, nested too deeply, has a key twice, or a number that is not finite.
    """
    simple = _simple(body)
    if simple is not None:
        return simple
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestProblem.malformed(
            f"the body is not UTF-8: byte {error.start} does not fit. Encode it as UTF-8."
        ) from None
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise RequestProblem.malformed(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}. Send a JSON object."
        ) from None
    except RecursionError:
        raise RequestProblem.malformed(f"the body is nested too deeply. Nest at most {MAX_DEPTH} levels.") from None
    except ValueError as error:  # an integer of more digits than Python reads
        raise RequestProblem.malformed(f"the body has a number that no column can hold: {error}.") from None


def _simple(body: bytes) -> dict[str, Any] | None:
    """Return a flat object as a faster reader has it; None for any other body.

    That reader does not see that a key comes twice: then there are more colons than members.
    """
    try:
        value = _reader.decode(body)
    except (msgspec.MsgspecError, ValueError):  # the other reader words what is wrong
        return None
    return value if body.count(b":") == len(value) else None


def rows_of(value: Any, max_rows: int) -> tuple[list[dict[str, Any]], bool]:
    """Return the rows of a body, and whether they came as a list: ``{...}`` for one, ``{"rows": [{...}, ...]}``.

    Raises
    ------
    RequestProblem
    """
    if isinstance(value, dict) and set(value) == {"rows"}:
        return checked_rows(value["rows"], max_rows), True
    if not isinstance(value, dict):
        raise RequestProblem.malformed(
            f'the body is {json_type(value)}. Send one row as an object, or several as {{"rows": [{{...}}]}}.'
        )
    return [value], False


def checked_rows(rows: Any, max_rows: int) -> list[dict[str, Any]]:
    """Return the rows of one request, once it is known that they are rows, and not too many.

    Raises
    ------
    RequestProblem
    """
    if not isinstance(rows, list) or not rows:
        raise RequestProblem.malformed('"rows" must be a list of at least one object. Send {"rows": [{...}]}.')
    if len(rows) > max_rows:
        text = f"the body has {len(rows):,} rows, and one request takes {max_rows:,}. Send several."
        raise RequestProblem(413, "too_many_rows", text)
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise RequestProblem.malformed(f"row {number} is {json_type(row)}. Each row must be an object.")
    return rows


def json_type(value: Any) -> str:
    """Return what a value of JSON is, for people."""
    if value is None:
        return "null"
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return names[type(value)]


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, whatever it is."""
    text = json.dumps(value, ensure_ascii=True) if not isinstance(value, list | dict) else json_type(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RequestProblem.malformed(f"the key {shown(twice)} comes twice in one object. Send it once.")
    return members


def _no_constant(name: str) -> NoReturn:
    raise RequestProblem.malformed(f"{name} is no JSON. Send null where a value is unknown.")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise RequestProblem.malformed(f"the number {text[:_SHOWN]} is too large for a float of 64 bits.")
    return value


_reader = msgspec.json.Decoder(dict[str, int | float | str | bool | None])
_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)

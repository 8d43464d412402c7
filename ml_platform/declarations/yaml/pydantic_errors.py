"""What pydantic found wrong with a declaration, in words: what was found, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ml_platform.core.errors import Fault, FaultKind, suggest
from ml_platform.core.yaml_text import as_yaml
from ml_platform.declarations.yaml.document import Document, holds

_MAPPING = ("a mapping of keys to values", "")
_LIST = ("a list", "Write it as [a, b].")
_TYPES = {
    "string_type": ("text", "Put it in quotes if text is meant."),
    "int_type": ("a whole number", "Write a number such as 3."),
    "int_from_float": ("a whole number", "Write a number such as 3."),
    "float_type": ("a number", "Write a number such as 0.5."),
    "finite_number": ("a finite number", "Write a number such as 0.5."),
    "bool_type": ("true or false", ""),
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "tuple_type": _LIST,
    "list_type": _LIST,
}
_LIMITS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_NAME = "a name of small letters, digits and _ that begins with a letter"

_RENAMED = {"leaks": "leakage"}
"""Former names of keys, and their names now."""

Loc = tuple[str | int, ...]


def explain(error: ValidationError, model: type[BaseModel], document: Document) -> Iterator[Fault]:
    """Yield a fault for each thing that pydantic found wrong with the document."""
    for detail in error.errors(include_url=False):
        if detail["type"] == "too_short" and document.at(detail["loc"]):
            continue  # its items are at fault, and pydantic did not count them
        if detail["type"] == "default_factory_not_called":
            continue  # another key is at fault
        yield _fault(detail["type"], tuple(detail["loc"]), detail.get("ctx", {}), detail["msg"], model, document)


def _fault(kind: str, loc: Loc, ctx: dict[str, Any], message: str, model: type[BaseModel], document: Document) -> Fault:
    path = _existing(loc, document.value)
    where, value = dotted(path), document.at(path)
    if loc and loc[-1] == "[key]":
        text = f"{path[-1]!r} is not a name. Write {_NAME}."
        return document.fault(path, f"{dotted(path[:-1])}: {text}", at_key=True)
    if kind == "missing":
        text = _missing(str(loc[-1]), _fields(_inside(model, loc[:-1])))
        return document.fault(path, _sentence(where, text), kind=FaultKind.MISSING_KEY)
    if kind == "extra_forbidden":
        known = _fields(_inside(model, loc[:-1]))
        key = str(loc[-1])
        text = f"the key {key} is unknown. {_place_of(key, _inside(model, loc[:-1])) or suggest(key, known)}"
        if _RENAMED.get(key) in known:
            text = f"the key {key} has another name now. Write {_RENAMED[key]}"
        return document.fault(path, _sentence(dotted(path[:-1]), text), at_key=True, kind=FaultKind.UNKNOWN_KEY)
    text = _refused(str(ctx["error"]), value) if kind == "value_error" else _message(kind, ctx, value, message)
    return document.fault(path, _sentence(where, text))


def _place_of(key: str, declaration: Any) -> str | None:
    """Return where a key belongs that is one of a part of the declaration; None where that is not clear."""
    parts = [name for name in _fields(declaration) if key in _fields(_inside(declaration, (name,)))]
    return f"Write it in {parts[0]}, such as {parts[0]}: {{{key}: ...}}" if len(parts) == 1 else None


def _refused(message: str, value: Any) -> str:
    """Return a validator's message; what came from the environment may be a secret, and is not shown."""
    if isinstance(value, str) and "${" in value:
        return f"the value of {value} is not allowed. Set it to another value."
    return message


def _message(kind: str, ctx: dict[str, Any], value: Any, message: str) -> str:
    shown = show(value)
    if kind == "literal_error":
        names = [text or plain.lower() for text, plain in re.findall(r"'([^']*)'|(\d+|True)", str(ctx["expected"]))]
        hint = f" {suggest(value, names)}" if isinstance(value, str) and len(names) > 1 else ""
        return f"must be {either(names)}, found {shown}.{hint}"
    if kind in _TYPES:
        expected, remedy = _TYPES[kind]
        return f"must be {expected}, found {shown}. {remedy}".strip()
    if kind == "string_pattern_mismatch":
        return f"must be {_NAME}, found {shown}."
    if kind == "too_short":
        return "must not be empty. Give at least one."
    if kind in _LIMITS:
        key, words = _LIMITS[kind]
        return f"must be {words} {ctx[key]:g}, found {shown}."
    return f"is wrong: {message}; found {shown}."


def _missing(key: str, fields: dict[str, Any]) -> str:
    field = fields.get(key)
    if field is None or not field.examples:
        return f"the key {key} is missing. Add it."
    return f"the key {key} is missing. Add it, such as {as_yaml(key, field.examples[0])}"


def _sentence(where: str, message: str) -> str:
    text = message if message.endswith((".", "?")) else f"{message}."
    if not where:
        return text
    return f"{where} {text}" if text.startswith("must ") else f"{where}: {text}"


def either(names: Sequence[str]) -> str:
    """Return a choice as people write it: ``a, b or c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def dotted(path: Sequence[str | int]) -> str:
    """Return a path as people read it: ``features.mean_delay.windows[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def show(value: Any) -> str:
    """Return a value as people read it, bounded."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _existing(loc: Loc, value: Any) -> Loc:
    """Return `loc` without the parts that the document does not have, such as pydantic's names of union members."""
    kept: list[str | int] = []
    for part in loc:
        if holds(value, part):
            kept.append(part)
            value = value[part]
    return tuple(kept)


def _fields(annotation: Any) -> dict[str, Any]:
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return {}
    fields = annotation.declared_fields() if hasattr(annotation, "declared_fields") else annotation.model_fields
    return {field.alias or name: field for name, field in fields.items()}


def _inside(annotation: Any, loc: Loc) -> Any:
    """Return the type that a declaration has under `loc`."""
    annotation = _plain(annotation)
    if not loc:
        return annotation
    if fields := _fields(annotation):
        field = fields.get(str(loc[0]))
        return _inside(field.annotation if field else annotation, loc[1:])
    if get_origin(annotation) in (dict, tuple):
        return _inside(get_args(annotation)[1 if get_origin(annotation) is dict else 0], loc[1:])
    return annotation


def _plain(annotation: Any) -> Any:
    if hasattr(annotation, "__metadata__"):
        return _plain(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        members = [_plain(member) for member in get_args(annotation)]
        return next(
            (member for member in members if _fields(member) or get_origin(member) in (dict, tuple)), members[0]
        )
    return annotation

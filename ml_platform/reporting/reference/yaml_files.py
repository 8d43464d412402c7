"""Every field of every YAML file: type, default, meaning, example; from the JSON schemas that editors use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_platform.core.yaml_text import as_yaml
from ml_platform.declarations.load.schema import json_schemas
from ml_platform.reporting.reference.markdown import Page, code, prose, table

Schema = Mapping[str, Any]

_FILES = {
    "project": ("project.yaml", "What holds for the whole project. There is one such file, in the project's folder."),
    "source": ("sources/*.yaml", "Where raw rows come from, and when each of them could have been known."),
    "feature_table": ("features/*.yaml", "Features of one entity, computed from one source."),
    "model": (
        "models/*.yaml",
        "One model: its question, label, features, algorithm, value in money, and release rule.",
    ),
}
_DURATION = "(us|w|d|h|m|s)$"
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}


def yaml_pages() -> list[Page]:
    """Return one page for each kind of file."""
    return [_page(kind, schema) for kind, schema in json_schemas().items()]


def _page(kind: str, schema: Schema) -> Page:
    title, summary = _FILES[kind]
    parts = {**schema["$defs"], **dict(_inline_parts(schema))}
    places = dict(_places(schema, parts, "", set()))
    sections = [_section("", schema, places), *(_section(path, parts[name], places) for name, path in places.items())]
    return Page(f"yaml-{kind.replace('_', '-')}", title, summary, tuple(sections))


def _inline_parts(schema: Any) -> Iterator[tuple[str, Schema]]:
    """Yield the parts that are written where they are used, by their titles: each reader, each aggregate."""
    members = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for member in members:
        if isinstance(member, dict) and _is_part(member):
            yield _name(member), member
        yield from _inline_parts(member)


def _is_part(schema: Schema) -> bool:
    return isinstance(schema.get("properties"), dict) and schema.get("type") == "object"


def _name(part: Schema) -> str:
    """Return what identifies a part that is written where it is used: a title, or else its keys."""
    return str(part.get("title") or "+".join(part["properties"]))


def _places(part: Schema, parts: Mapping[str, Schema], path: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the name of each part with the key under which it is first written, such as ``release.first``."""
    for key, facts in part["properties"].items():
        names = list(dict.fromkeys(_references(facts)))
        for name in names:
            if name in seen:
                continue
            seen.add(name)
            place = f"{path}.{key}" if path else key
            if len(names) > 1:
                place += f": {_chosen_by(parts[name], [parts[other] for other in names])}"
            yield name, place
            yield from _places(parts[name], parts, place, seen)


def _chosen_by(part: Schema, siblings: Sequence[Schema]) -> str:
    """Return the key by which a person chooses a part among others in the same place, else its title."""
    required = [other.get("required", []) for other in siblings]
    alone = [key for key in part["required"] if sum(key in keys for keys in required) == 1]
    return alone[0] if len(alone) == 1 else re.sub(r"(?<=[a-z])(?=[A-Z])", " ", _name(part)).lower()


def _references(schema: Any) -> Iterator[str]:
    """Yield the names of the parts that the schema of a field leads to."""
    if isinstance(schema, dict) and "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2]
    elif isinstance(schema, dict) and _is_part(schema):
        yield _name(schema)
    elif isinstance(schema, dict):
        for key, value in schema.items():
            if key not in ("examples", "default"):
                yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def _section(path: str, part: Schema, places: Mapping[str, str]) -> str:
    head = [f"## `{path}`" + f" {{ #{_anchor(path)} }}"] if path else ["## The file { #file }"]
    if path:
        head.append(prose(part.get("description", "")))
    required = part.get("required", [])
    rows = [_row(path, key, facts, key in required, places) for key, facts in part.get("properties", {}).items()]
    return "\n\n".join([*head, table(["key", "type", "default", "meaning", "example"], rows)])


def _row(path: str, key: str, facts: Schema, required: bool, places: Mapping[str, str]) -> list[str]:
    examples = "<br>".join(code(as_yaml(key, example)) for example in facts.get("examples", ()))
    return [code(key), _type(facts, places), _default(facts, required), prose(facts.get("description", "")), examples]


def _default(facts: Schema, required: bool) -> str:
    if required:
        return "*required*"
    default = facts.get("default")
    if isinstance(default, dict):
        return "the defaults of its keys"
    return "–" if default in (None, [], "") else code(json.dumps(default, ensure_ascii=False).strip('"'))


def _type(schema: Schema, places: Mapping[str, str]) -> str:
    """Return the type of a field, with a link to the section of each part."""
    if "$ref" in schema or _is_part(schema):
        place = places[next(_references(schema))]
        return f"[{place.rpartition(': ')[2]}](#{_anchor(place)})"
    if "const" in schema:
        return code(json.dumps(schema["const"]).strip('"'))
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            types = [_type(member, places) for member in schema[key] if member.get("type") != "null"]
            return " or ".join(dict.fromkeys(types))
    return _plain_type(schema, places)


def _plain_type(schema: Schema, places: Mapping[str, str]) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}), places)}"
    if kind == "object":
        values = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), None)
        return f"mapping of names to {_type(values, places)}" if isinstance(values, dict) else "mapping"
    if str(schema.get("pattern", "")).endswith(_DURATION):
        return "duration"
    if schema.get("format") == "date-time":
        return "instant"
    if isinstance(kind, list):
        return " or ".join(_TYPES[name] for name in kind if name in _TYPES)
    return _TYPES.get(str(kind), "any value")


def _anchor(path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", path.lower())

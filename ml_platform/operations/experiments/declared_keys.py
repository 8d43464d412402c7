"""The declarations of a model with all that it reads, as one flat mapping, so that many can be compared at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ml_platform.core.hashing import bytes_hash, content_id
from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.project import ProjectSpec

_NOT_COMPARED = ("description", "owner")


def declared_keys(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return every declared value by file and dotted key, as it is written in one line; of code, the hash of each file.

    >>> declared_keys({"models/late.yaml": b"split: {train: 28d}", "code.py": b"x = 1"})["models/late split.train"]
    '28d'
    """
    keys: dict[str, str] = {}
    for path, content in files.items():
        if path.endswith(".yaml"):
            keys |= _keys_of(path.removesuffix(".yaml"), content)
        else:
            keys[path] = bytes_hash(content)[:12]
    return keys


def different_keys(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the keys with another value, or in one of both only, in order."""
    return sorted({key for key, _ in before.items() ^ after.items()})


def judge_of(spec: ProjectSpec, model: str) -> str:
    """Return a hash of what turns an action into money: label, payoffs and unit."""
    declared = spec.models[model]
    return content_id([deciding(declared.value), deciding(declared.label), spec.unit_of_value(model)])


def _keys_of(name: str, content: bytes) -> dict[str, str]:
    try:
        declared = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return {name: bytes_hash(content)[:12]}
    return {f"{name} {key}": value for key, value in _flat(declared) if key.partition(".")[0] not in _NOT_COMPARED}


def _flat(declared: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(declared, Mapping) and declared:
        for key, value in declared.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    else:
        text = declared if isinstance(declared, str) else json.dumps(declared, ensure_ascii=False, default=str)
        yield path, text

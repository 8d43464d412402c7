"""References to the environment, ``${NAME}``: replaced in project.yaml, and faults anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ml_platform.core.errors import Fault, FaultKind
from ml_platform.declarations.yaml.document import Document

_REFERENCE = re.compile(r"\$\{([^}$]*)\}")


def resolve_references(document: Document, environ: Mapping[str, str]) -> tuple[Any, list[Fault]]:
    """Return the document's value with every ``${NAME}`` replaced, and a fault for each name that is not set."""
    faults: list[Fault] = []

    def resolve(path: tuple[str | int, ...], value: Any) -> Any:
        if isinstance(value, dict):
            return {key: resolve((*path, key), item) for key, item in value.items()}
        if isinstance(value, list):
            return [resolve((*path, index), item) for index, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        for match in _REFERENCE.finditer(value):
            if match.group(1) not in environ:
                message = f"the environment variable {match.group(1)} is not set. Set it before the command."
                faults.append(document.fault(path, message, offset=match.start(), kind=FaultKind.ENVIRONMENT))
        return _REFERENCE.sub(lambda match: environ.get(match.group(1), ""), value)

    return resolve((), document.value), faults


def stray_references(document: Document) -> Iterator[Fault]:
    """Yield a fault for each reference in a document whose references are not replaced."""
    yield from _strays(document, (), document.value)


def _strays(document: Document, path: tuple[str | int, ...], value: Any) -> Iterator[Fault]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _strays(document, (*path, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strays(document, (*path, index), item)
    elif isinstance(value, str) and (match := _REFERENCE.search(value)):
        message = (
            f"{match.group(0)} is not replaced here. References to the environment are allowed only in project.yaml."
        )
        yield document.fault(path, message, offset=match.start(), kind=FaultKind.ENVIRONMENT)

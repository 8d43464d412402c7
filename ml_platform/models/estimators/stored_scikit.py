"""Fitted objects of scikit-learn in a skops file, with classes of scikit-learn and of the project, and no others."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from importlib import import_module
from inspect import isclass
from typing import Any

from ml_platform.core.errors import TrainingError, UntrustedContent
from ml_platform.declarations.user_code.load import PRIVATE_PACKAGE

_SCHEMA = "schema.json"
_PROJECT = "the_project"
"""The name in the file for the package of the project's modules, whose real name differs from folder to folder."""
_PLAIN = {"numpy.dtype", "builtins.object"}


def stored(what: str, estimator: Any) -> bytes:
    """Return a fitted object as a skops file.

    Raises
    ------
    TrainingError
        Naming a type that may not be stored: only scikit-learn's own and the project's are read again.
    """
    from skops.io import dumps, get_untrusted_types

    try:
        content: bytes = dumps(estimator)
        unknown = get_untrusted_types(data=content)
    except Exception as error:  # whatever the state of a foreign class raises
        raise TrainingError(f"{what} cannot be kept: {type(error).__name__}: {error}") from error
    for name in unknown:
        if not _is_allowed(name, PRIVATE_PACKAGE.match(name)):
            raise TrainingError(
                f"{what} holds {PRIVATE_PACKAGE.sub('', name).lstrip('.')}, which is not kept: only classes of "
                "scikit-learn and of the project are. Remove it, or write get_state and from_state."
            )
    return _with_modules(content, lambda module: PRIVATE_PACKAGE.sub(_PROJECT, module))


def read_stored(what: str, content: bytes, package: str | None) -> Any:
    """Return the object of a skops file, whose bytes were checked against their hash; nothing is unpickled.

    Parameters
    ----------
    package
        The package below which the project's modules are imported, if any of them takes part.

    Raises
    ------
    UntrustedContent
        Where the file holds a type that is neither scikit-learn's nor the project's.
    """
    from skops.io import get_untrusted_types, loads

    if package is not None:
        content = _with_modules(content, lambda module: _below(module, package))
    unknown = get_untrusted_types(data=content)
    for name in unknown:
        if not _is_allowed(name, package is not None and name.startswith(f"{package}.")):
            raise UntrustedContent(f"the stored {what} holds {name}, which is not trusted. It is not loaded.")
    return loads(content, trusted=unknown)


def _below(module: str, package: str) -> str:
    return f"{package}{module.removeprefix(_PROJECT)}" if module.partition(".")[0] == _PROJECT else module


def _is_allowed(name: str, of_project: object) -> bool:
    """Return whether a name is a class of scikit-learn or of the project, defined in the package that the name has."""
    if name in _PLAIN:
        return True
    if not of_project and not name.startswith("sklearn."):
        return False
    module, _, item = name.rpartition(".")
    try:
        item_class = getattr(import_module(module), item)
    except (ImportError, AttributeError):
        return False
    return isclass(item_class) and item_class.__module__.partition(".")[0] == name.partition(".")[0]


def _with_modules(content: bytes, rename: Callable[[str], str]) -> bytes:
    """Return a skops file that names modules otherwise."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w") as made:
        for item in source.namelist():
            part = source.read(item)
            if item == _SCHEMA:
                part = json.dumps(_renamed(json.loads(part), rename)).encode()
            made.writestr(item, part)
    return target.getvalue()


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {
            key: rename(item) if key == "__module__" and isinstance(item, str) else _renamed(item, rename)
            for key, item in value.items()
        }
    return [_renamed(item, rename) for item in value] if isinstance(value, list) else value

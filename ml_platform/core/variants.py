"""Variants: classes of one kind, each in a file of its own, found in a package of the platform and in installed ones.

A package adds a variant by an entry point, such as::

    [project.entry-points."ml_platform.functions"]
    clip = "my_package.clip:Clip"

Nothing else is edited: all code that asks for the variants of a kind finds it.
"""

from __future__ import annotations

import inspect
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from ml_platform.core.errors import PlatformError


class VariantFault(PlatformError):
    """An installed package adds a variant that cannot be used."""


def find_variants(package: ModuleType, base: type[Any], group: str) -> Mapping[str, Any]:
    """Return the classes of one kind by name: those of the platform first, then those of installed packages.

    Parameters
    ----------
    package
        The platform's own package, whose modules hold one or more variants each.
    base
        The class that all of them extend; each has a ``name``. A class without one, or whose own name begins with an
        underscore, is none.
    group
        The group of entry points of installed packages, such as ``ml_platform.functions``.

    Raises
    ------
    VariantFault
        Where an installed package adds something that cannot be imported, is no such class, or has a name that is
        taken.
    """
    by_name = {variant.name: variant for variant in _of_package(package, base)}
    for point in sorted(_installed(tuple(sys.path)).select(group=group), key=lambda point: (point.name, point.value)):
        variant = _loaded(point, base)
        if by_name.setdefault(variant.name, variant) is not variant:
            raise VariantFault(f"{_place(point)} adds {variant.name!r}, which exists already. Give it another name.")
    return by_name


@cache
def _installed(path: tuple[str, ...]) -> Any:
    """Return the entry points of all packages on an import path: read once, not once for each kind of variant."""
    return entry_points()


def _of_package(package: ModuleType, base: type[Any]) -> Iterator[Any]:
    for item in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
        module = import_module(f"{package.__name__}.{item.name}")
        for value in vars(module).values():
            if _is_variant(value, base) and value.__module__ == module.__name__:
                yield value


def _is_variant(value: Any, base: type[Any]) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, base)
        and not inspect.isabstract(value)
        and value.__name__[0] != "_"
        and hasattr(value, "name")
    )


def _loaded(point: EntryPoint, base: type[Any]) -> Any:
    try:
        variant = point.load()
    except Exception as error:  # whatever a foreign module raises
        raise VariantFault(
            f"{_place(point)} cannot be imported: {type(error).__name__}: {error}. Mend or remove that package."
        ) from error
    if not _is_variant(variant, base):
        missing = sorted(getattr(variant, "__abstractmethods__", ()))
        lacks = f" It lacks {', '.join(missing)}." if missing else ""
        raise VariantFault(f"{_place(point)} is no {base.__name__} of {base.__module__}.{lacks} Extend that class.")
    return variant


def _place(point: EntryPoint) -> str:
    package = point.dist.metadata["Name"] if point.dist else "an installed package"
    return f"the entry point {point.name} = {point.value!r} in [{point.group}] of {package}"

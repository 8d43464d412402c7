"""Versions by the names that people give them: ``late_arrival@3``, ``late_arrival@champion``, ``@latest``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_platform.core.errors import NoSuchVersion, listed, suggest
from ml_platform.registry.champion import champion
from ml_platform.storage.versions import Version, all_versions

if TYPE_CHECKING:
    from ml_platform.project import Project

_CHAMPION, _LATEST = "champion", "latest"


def version_named(project: Project, text: str) -> Version:
    """Return the version that a name refers to; a model's name alone refers to its champion.

    Raises
    ------
    NoSuchVersion
        Naming the nearest model, or the versions that there are.
    """
    model, _, name = text.partition("@")
    known: dict[str, list[Version]] = {}
    for version in all_versions(project):
        known.setdefault(version.model, []).append(version)
    if model not in known:
        declared = model in project.spec.models
        remedy = "Train one with `ml-platform run`." if declared else suggest(model, {*known, *project.spec.models})
        raise NoSuchVersion(text, f"no version of {model or 'any model'} is registered. {remedy}")
    if name in ("", _CHAMPION):
        current = champion(project, model)
        if current is None:
            raise NoSuchVersion(text, f"{model} has no champion. Name a version, such as {known[model][-1]}.")
        return current
    if name == _LATEST:
        return known[model][-1]
    numbered = {str(version.number): version for version in known[model]}
    if name not in numbered:
        raise NoSuchVersion(text, f"{model} has versions {listed(numbered)}. Name one, such as {known[model][-1]}.")
    return numbered[name]

"""What differs between the declarations that two versions were trained by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.models.provenance import DECLARED
from ml_platform.operations.planning.declaration_diff import changed_keys
from ml_platform.project import Project
from ml_platform.reporting.comparison.comparison import DeclaredChange
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact


def declared_changes(project: Project, first: Artifact, second: Artifact) -> tuple[DeclaredChange, ...] | None:
    """Return the keys that differ; None where a version does not record its declaration."""
    before, after = (_declared(project, trained) for trained in (first, second))
    if before is None or after is None:
        return None
    return tuple(changes(before, after))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[DeclaredChange]:
    """Return the keys at which two declarations differ, with both values.

    >>> [change] = changes({"split": {"train": "28d"}}, {"split": {"train": "56d"}})
    >>> change.key, change.before, change.after
    ('split.train', '28d', '56d')
    """
    return [DeclaredChange(key, _at(before, key), _at(after, key)) for key in changed_keys(before, after)]


def _declared(project: Project, trained: Artifact) -> Mapping[str, Any] | None:
    stored = trained.objects.get(f"{DECLARED}models/{TrainedModelManifest.of(trained).model}.yaml")
    try:
        content = yaml.safe_load(project.store.read(stored)) if stored else None
    except (ArtifactMissing, ArtifactDamaged):
        return None
    return content if isinstance(content, Mapping) else None


def _at(declared: Mapping[str, Any], key: str) -> str | None:
    """Return the value at a dotted key, as it is written in one line; None where there is none.

    A key of the declaration may have dots itself, such as a column.
    """
    for name, value in declared.items():
        if key == name:
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        if isinstance(value, Mapping) and key.startswith(f"{name}."):
            inner = _at(value, key.removeprefix(f"{name}."))
            if inner is not None:
                return inner
    return None

"""A project's declarations and code as files, so that they can be read again when the folder has moved on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ml_platform.declarations.fingerprint import project_functions
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.user_code.locate import local_modules, split_reference
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import StoredObject

DECLARED = "declared/"
"""What the names of declared files begin with among a trained model's objects."""


def declared_files(spec: ProjectSpec) -> dict[str, bytes]:
    """Return every declaration and every file of code that one names, by path relative to the project.

    ``${NAME}`` in project.yaml stays as it is written: no secret of the environment is kept.

    Raises
    ------
    ProjectCodeError
        Where a module is missing or cannot be parsed.
    """
    paths = {spec.root / location.file for location in spec.locations.values()}
    for kind, subjects in (("source", spec.sources), ("trained_model", spec.models)):
        for subject in subjects:
            for reference in project_functions(spec, kind, subject):
                paths |= set(local_modules(spec.root, split_reference(reference)[0]))
    return {path.relative_to(spec.root).as_posix(): _text(path) for path in sorted(paths)}


def keep_declared(store: ArtifactStore, files: Mapping[str, bytes]) -> dict[str, StoredObject]:
    """Store declared files and return them under the names that they have among a trained model's objects."""
    return {f"{DECLARED}{path}": store.put(content) for path, content in files.items()}


def _text(path: Path) -> bytes:
    return path.read_bytes().replace(b"\r\n", b"\n")

"""A trained model's declarations and code as its manifest keeps them, read like those of any project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ml_platform.core.errors import DeclarationError, NotReproducible
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.project import ProjectSpec
from ml_platform.models.provenance.declared import DECLARED
from ml_platform.project import Project
from ml_platform.storage.manifest import Artifact


class _AnyName(Mapping[str, str]):
    """Gives every name of the environment a value: a fit needs no connection and no secret."""

    def __getitem__(self, name: str) -> str:
        return f"{name} as it was"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def kept_files(project: Project, trained: Artifact) -> dict[str, bytes]:
    """Return the declared files of a trained model, each checked against its hash.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
    """
    names = sorted(name for name in trained.objects if name.startswith(DECLARED))
    return {name.removeprefix(DECLARED): project.store.read(trained.objects[name]) for name in names}


def kept_spec(project: Project, version: str, files: Mapping[str, bytes], folder: Path) -> ProjectSpec:
    """Write a trained model's declared files into a folder and read them there.

    Parameters
    ----------
    version
        What the version is called, for errors.

    Returns
    -------
    The declarations as they were, with the stores, the engine and the connections of the project as it is.

    Raises
    ------
    NotReproducible
        Where this version of the platform does not accept them any more.
    """
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    try:
        spec = load_project(folder, _AnyName())
    except DeclarationError as error:
        problem = f"its declarations are not valid for this ml_platform: {error.faults[0]}"
        raise NotReproducible(version, problem, "Install the platform that its manifest names.") from None
    present = project.spec.file
    kept = {name: getattr(present, name) for name in ("storage", "engine", "memory", "connections", "alerts")}
    return replace(spec, file=spec.file.model_copy(update=kept))

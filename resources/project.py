"""Which project a code location serves, and that project as a resource."""

import os
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from ml_platform.core.errors import PlatformError
from ml_platform.project import Project, open_project

PROJECT_VARIABLE = "ML_PLATFORM_PROJECT"
_EXAMPLE = Path("examples/flights")

ProjectParam = dg.ResourceParam[Project]
"""The annotation by which an asset, job or sensor asks for the opened project."""


class NoProject(PlatformError):
    """No project folder was found."""

    def __init__(self, here: Path) -> None:
        super().__init__(
            f"no project.yaml in {here}, none in {here / _EXAMPLE}, and {PROJECT_VARIABLE} is not set. "
            f"Start in a project's folder, or set {PROJECT_VARIABLE} to one."
        )


def find_project(environ: Mapping[str, str] | None = None, here: Path | None = None) -> Path:
    """Return the folder of the project to serve.

    The one that the environment names, else `here` where it holds a project.yaml, else the example below it.

    Raises
    ------
    NoProject
    """
    environ = os.environ if environ is None else environ
    here = (here or Path()).resolve()
    if named := environ.get(PROJECT_VARIABLE):
        return (here / named).resolve()
    for folder in (here, here / _EXAMPLE):
        if (folder / "project.yaml").is_file():
            return folder
    raise NoProject(here)


def served_project() -> Project:
    """Open the project that this process is to serve."""
    return open_project(find_project())

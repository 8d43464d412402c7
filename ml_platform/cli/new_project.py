"""Making a new project: from an example, or the bare folders."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path
from shlex import quote

from ml_platform.core.errors import PlatformError, suggest
from ml_platform.core.private_files import shared_as_wanted

_EXAMPLES = "ml_platform_examples"
_LEFT_OUT = shutil.ignore_patterns(".ml_platform", "__pycache__", ".*")
_BARE = """\
spec_version: 1
name: {name}
description: What this project decides, and for whom.
owner: team:{name}
currency: USD
clock: wall
entities:
  customer: [customer_id]
"""


class FolderTaken(PlatformError):
    """The folder for a new project holds something already."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} is not empty. Nothing was written. Name a new or empty folder.")


class UnknownExample(PlatformError):
    """No example has this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no example is called {name!r}. {suggest(name, known)}")


def make_project(directory: Path, example: str | None) -> None:
    """Write a new project into `directory`.

    Raises
    ------
    FolderTaken, UnknownExample
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise FolderTaken(directory)
    with shared_as_wanted():
        if example is None:
            _write_bare(directory)
        else:
            _copy_example(directory, example)
    typed = quote(str(directory))
    print(f"Made {directory}. Next: ml-platform validate {typed}, then ml-platform run {typed}")


def _copy_example(directory: Path, example: str) -> None:
    examples = {entry.name: entry for entry in files(_EXAMPLES).iterdir() if entry.is_dir() and entry.name[0] != "_"}
    if example not in examples:
        raise UnknownExample(example, list(examples))
    with as_file(examples[example]) as source:
        shutil.copytree(source, directory, ignore=_LEFT_OUT, dirs_exist_ok=True)


def _write_bare(directory: Path) -> None:
    for folder in ("sources", "features", "models", "transforms"):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    name = "".join(letter if letter.isalnum() else "_" for letter in directory.resolve().name.lower()).strip("_")
    name = name if name[:1].isalpha() else f"project_{name}"
    (directory / "project.yaml").write_text(_BARE.format(name=name), encoding="utf-8")

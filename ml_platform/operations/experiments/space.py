"""Where an experiment keeps what it makes: a folder of its own, apart from everything of production."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_platform.core.errors import PlatformError, suggest
from ml_platform.core.private_files import private_folder
from ml_platform.project import Project

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class ExperimentError(PlatformError):
    """An experiment cannot be made, found or used as asked."""


@dataclass(frozen=True)
class Space:
    """The folder of one experiment.

    Attributes
    ----------
    folder
        Its record and a copy of its declarations, which the process that tries it cannot change.
    """

    name: str
    folder: Path

    @property
    def writable(self) -> Path:
        """The one folder in which the process that tries the experiment can write."""
        return self.folder / "space"

    @property
    def store(self) -> Path:
        """The artifacts that were made for the experiment."""
        return self.writable / "store"

    @property
    def work(self) -> Path:
        """Files that are needed only while the experiment runs."""
        return self.writable / "work"

    @property
    def record(self) -> Path:
        """What the experiment was, and its results, as JSON."""
        return self.folder / "record.json"

    @property
    def declared(self) -> Path:
        """Copies of its declarations and code."""
        return self.folder / "declared"

    @property
    def base(self) -> Path:
        """Copies of the project's declarations and code as they were when the experiment was made."""
        return self.folder / "base"

    def rows(self, model: str) -> Path:
        """Return the file with what each test row of a model earned."""
        return self.writable / f"rows-{model}.arrow"

    def size(self) -> int:
        """Return how many bytes its files take."""
        return sum(path.lstat().st_size for path in self.folder.rglob("*") if not path.is_dir())


def spaces_of(project: Project) -> Path:
    """Return the folder of all experiments of a project."""
    return project.state / "experiments"


def new_space(project: Project, name: str) -> Space:
    """Make the folder of a new experiment.

    Raises
    ------
    ExperimentError
        Where the name cannot be one of a folder, or an experiment has it.
    """
    if not _NAME.fullmatch(name):
        raise ExperimentError(
            f"{name!r} cannot be the name of an experiment. Use lower-case letters, digits, _ . and -, at most 64, and "
            "begin with a letter or a digit."
        )
    private_folder(project.state)
    space = Space(name, private_folder(spaces_of(project)) / name)
    try:
        space.folder.mkdir(mode=0o700)
    except FileExistsError:
        raise ExperimentError(
            f"there is an experiment {name} already. Choose another name, or remove it: "
            f"ml-platform experiments --remove {name}."
        ) from None
    for folder in (space.writable, space.work, space.declared, space.base):
        folder.mkdir(mode=0o700)
    return space


def find_space(project: Project, name: str) -> Space:
    """Return the folder of an experiment.

    Raises
    ------
    ExperimentError
        Where there is no such experiment.
    """
    known = names_of(project)
    if name not in known:
        raise ExperimentError(
            f"there is no experiment {name}. {suggest(name, known) if known else 'There is none yet.'}"
        )
    return Space(name, spaces_of(project) / name)


def names_of(project: Project) -> list[str]:
    """Return the names of a project's experiments, in order."""
    folder = spaces_of(project)
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the files in a folder and below, by path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def keep_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files below a folder, by path."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)

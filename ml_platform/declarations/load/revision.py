"""The declarations of a project at a git revision, read from the repository: the working tree is not touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from ml_platform.core.errors import DeclarationError, RevisionError
from ml_platform.core.git import git_output
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.project import ProjectSpec

_REGULAR = ("100644", "100755")
_FOLDERS = ("sources", "features", "models")
_LARGEST = 10_000_000


@dataclass(frozen=True)
class Revision:
    """A project as a commit has it.

    Attributes
    ----------
    commit
        The id of the commit.
    """

    commit: str
    spec: ProjectSpec


@contextmanager
def project_at(root: Path, revision: str, environ: Mapping[str, str] | None = None) -> Iterator[Revision]:
    """Read the declarations of a git revision, and the project's own code, into a folder that is removed at the end.

    Parameters
    ----------
    root
        The project's folder, anywhere in the repository.
    revision
        A branch, a tag, a commit: what ``git rev-parse`` knows.
    environ
        What ``${NAME}`` in project.yaml refers to; the process's environment by default.

    Raises
    ------
    RevisionError
        Without git or a repository, for an unknown revision, and where its project is missing or has faults.
    """
    commit = _commit_of(root, revision)
    with TemporaryDirectory(prefix="ml-platform-revision-") as folder:
        _write_files(root, commit, Path(folder))
        if not (Path(folder) / "project.yaml").is_file():
            raise RevisionError(revision, f"it has no project.yaml in {_place(root)}", "Name a later revision")
        try:
            spec = load_project(Path(folder), environ)
        except DeclarationError as error:
            raise RevisionError(
                revision, f"its declarations have faults:\n{error}\n", "Name a revision whose project is whole"
            ) from None
        yield Revision(commit, spec)


def _commit_of(root: Path, revision: str) -> str:
    if git_output(root, "--version") is None:
        raise RevisionError(revision, "git cannot be run", "Install git")
    if git_output(root, "rev-parse", "--git-dir") is None:
        raise RevisionError(revision, f"{root} is in no git repository", "Leave --against out to plan against what ran")
    commit = None if revision.startswith("-") else git_output(root, "rev-parse", "--verify", f"{revision}^{{commit}}")
    if commit is None:
        raise RevisionError(revision, "the repository has no such revision", "Name a branch, a tag or a commit")
    return commit.decode().strip()


def _place(root: Path) -> str:
    prefix = git_output(root, "rev-parse", "--show-prefix") or b""
    return prefix.decode().strip().rstrip("/") or "the top folder of the repository"


def _write_files(root: Path, commit: str, folder: Path) -> None:
    """Write the declarations and the Python files of a commit's project."""
    listed = git_output(root, "ls-tree", "-r", "-z", "-l", commit) or b""
    for line in filter(None, listed.split(b"\0")):
        facts, _, path = line.decode(errors="surrogateescape").partition("\t")
        mode, _, id, size = facts.split()
        if mode in _REGULAR and _takes_part(PurePosixPath(path)) and int(size) <= _LARGEST:
            content = git_output(root, "cat-file", "blob", id)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content or b"")


def _takes_part(path: PurePosixPath) -> bool:
    if path.suffix == ".py" or str(path) == "project.yaml":
        return True
    return path.parts[0] in _FOLDERS and path.suffix in (".yaml", ".yml")

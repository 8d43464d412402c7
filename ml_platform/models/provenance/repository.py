"""The git commit that a project is at, and which of its files differ from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ml_platform.core.git import git_output


@dataclass(frozen=True)
class Commit:
    """The commit that a project is at in its repository.

    Attributes
    ----------
    changed
        Files that took part and are not in the commit as they are, relative to the project.
    """

    id: str
    changed: tuple[str, ...]

    @property
    def dirty(self) -> bool:
        """Whether the commit alone does not give back what took part."""
        return bool(self.changed)


def commit_of(root: Path, files: Iterable[str]) -> Commit | None:
    """Return the commit of a project's folder; None without git, a repository or a first commit.

    Parameters
    ----------
    files
        The files that take part, relative to `root`. What else differs from the commit does not matter.
    """
    head = _git(root, "rev-parse", "--verify", "HEAD")
    if head is None:
        return None
    held = _git(root, "ls-files", "-z", "--", ".") or ""
    status = _git(root, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no", "--", ".")
    prefix = (_git(root, "rev-parse", "--show-prefix") or "").strip()
    differ = {line[3:].removeprefix(prefix) for line in (status or "").split("\0") if line}
    known = set(held.split("\0"))
    changed = [file for file in sorted(files) if file not in known or file in differ]
    return Commit(head.strip(), tuple(changed))


def _git(root: Path, *command: str) -> str | None:
    """Return the output of a git command as text, or None where it fails."""
    output = git_output(root, *command)
    return None if output is None else output.decode(errors="replace")

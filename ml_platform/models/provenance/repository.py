"""The git commit that a project is at, and which of its files differ from it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PATIENCE_SECONDS = 30
_ENVIRONMENT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


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
    """Return the output of a git command, or None where it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in _ENVIRONMENT}
    environment["GIT_OPTIONAL_LOCKS"] = "0"  # asking must not write, also not to the index
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *command],
            capture_output=True,
            env=environment,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None

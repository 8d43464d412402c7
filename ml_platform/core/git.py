"""Asking git. Nothing is written: neither the working tree, nor the index."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_PATIENCE_SECONDS = 30
_ENVIRONMENT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


def git_output(root: Path, *command: str, stdin: bytes = b"") -> bytes | None:
    """Return the output of a git command in a folder, or None where git is missing, or the command fails.

    Parameters
    ----------
    stdin
        What the command reads from its standard input.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _ENVIRONMENT}
    environment["GIT_OPTIONAL_LOCKS"] = "0"  # asking must not write, also not to the index
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *command],
            capture_output=True,
            env=environment,
            timeout=_PATIENCE_SECONDS,
            check=False,
            input=stdin,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None

"""Projects that take seconds to make: the first test process that asks makes one, and every test copies it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = "ML_PLATFORM_TEST_SHARED"
"""The variable that names the folder; the processes of a test run inherit it from the first."""


def share_folder(config: pytest.Config) -> None:
    """Make the folder of this test run, where this is its first process, and remove it at the end."""
    if SHARED not in os.environ:
        folder = os.environ[SHARED] = tempfile.mkdtemp(prefix="made_once_")
        config.add_cleanup(lambda: _remove(folder))


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that is made once in a test run.

    Parameters
    ----------
    name
        Its name in the folder of this test run.
    make
        What fills it, and leaves nothing in it open.

    Returns
    -------
    pathlib.Path
        The folder. Tests only read it, or copy it.
    """
    shared = Path(os.environ[SHARED])
    folder, complete = shared / name, shared / f"{name}.complete"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            complete.touch()
    return folder


def _remove(folder: str) -> None:
    shutil.rmtree(folder)
    del os.environ[SHARED]

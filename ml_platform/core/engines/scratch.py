"""Folders for temporary files, which the next process removes where a killed one could not."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = ".lock"


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Give an empty folder of this process that is removed with the block.

    A lock beside the folder is held as long as it is used, and ends with the process. Folders whose lock is free were
    left by processes that were killed: they are removed first.
    """
    sweep_scratch(parent)
    folder = parent / uuid.uuid4().hex
    lock = _hold(folder.with_suffix(_LOCK))
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(_LOCK).unlink(missing_ok=True)
        os.close(lock)


def sweep_scratch(parent: Path) -> list[Path]:
    """Remove the folders of processes that are gone, and return those of processes that are at work."""
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    used = []
    for path in sorted(parent.glob(f"*{_LOCK}")):
        with suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                path.unlink()
            except BlockingIOError:
                used.append(path.with_suffix(""))
            finally:
                os.close(lock)
    return used


def _hold(path: Path) -> int:
    """Create a lock's file and hold the lock; a sweep that met the file before it was locked has removed it."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:
            return lock
        os.close(lock)

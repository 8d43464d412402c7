"""A lock between the processes of one machine."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(path: Path, when_taken: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock on `path` alone. It ends with the block, and also with the process, however that ends.

    Parameters
    ----------
    path
        The lock's file, created with its folder where it is missing. It stays empty.
    when_taken
        Called once where another process holds the lock, before this one waits.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if when_taken is not None:
                when_taken()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield

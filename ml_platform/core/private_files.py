"""Files and folders that only their owner can read."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_wanted_mask: list[int] = []


def be_private() -> None:
    """Let nothing that this process or its children create be readable by other users, from now on."""
    before = os.umask(_OTHERS)
    if not _wanted_mask:
        _wanted_mask.append(before)


@contextmanager
def shared_as_wanted() -> Iterator[None]:
    """Create files with the user's own umask: for a page or catalog that is written where the user asked for it."""
    before = os.umask(_wanted_mask[0]) if _wanted_mask else None
    try:
        yield
    finally:
        if before is not None:
            os.umask(before)


def private_folder(path: Path) -> Path:
    """Create a folder that only its owner can enter, or close one that is open to others; return it.

    A folder that belongs to another user stays as it is.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    close_to_others(path)
    return path


def close_to_others(path: Path) -> None:
    """Take from other users every right on a folder of this user; nothing where there is none."""
    try:
        status = path.stat()
    except OSError:
        return
    if status.st_uid == os.geteuid() and status.st_mode & _OTHERS:
        path.chmod(stat.S_IMODE(status.st_mode) & ~_OTHERS)


def private_temporary_folder() -> Path:
    """Return this user's own folder among the temporary files, which other users cannot enter.

    Its name is known beforehand. Where another user made it first, a folder of a random name takes its place.
    """
    path = Path(tempfile.gettempdir()) / f"ml_platform-{os.geteuid()}"
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return Path(tempfile.mkdtemp(prefix="ml_platform-"))
    close_to_others(path)
    return path

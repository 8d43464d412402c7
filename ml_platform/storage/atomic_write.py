"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def write_durably(path: Path, content: bytes, temporaries: Path | None = None) -> None:
    """Write a file so that after a crash it holds all of `content` or is as it was.

    Parameters
    ----------
    temporaries
        A folder of the same file system for the half-written file, which a killed process leaves; the file's own by
        default.
    """
    with durable_file(path, temporaries) as file:
        file.write(content)


@contextmanager
def durable_file(path: Path, temporaries: Path | None = None) -> Iterator[BinaryIO]:
    """Open a file to write, so that after a crash or an error it holds all that was written or is as it was.

    Parameters
    ----------
    temporaries
        As in `write_durably`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder_of_temporary = temporaries or path.parent
    folder_of_temporary.mkdir(parents=True, exist_ok=True)
    temporary = folder_of_temporary / f".{path.name}.{uuid.uuid4().hex}"
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def sweep(folder: Path, older_than_seconds: float) -> int:
    """Remove half-written files that killed processes left in a folder, and return how many.

    Parameters
    ----------
    older_than_seconds
        Longer than any write takes: what is younger may be being written.
    """
    removed = 0
    if folder.is_dir():
        for path in folder.iterdir():
            with suppress(FileNotFoundError):  # another process sweeps, too
                if time.time() - path.stat().st_mtime >= older_than_seconds:
                    path.unlink()
                    removed += 1
    return removed

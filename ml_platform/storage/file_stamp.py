"""Whether a file was written to since one looked."""

from __future__ import annotations

from pathlib import Path


def file_stamp(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is written to; nothing where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns

"""A log of small records that a process writes before it answers: files of frames, one writer each.

A frame is the length of its body, the body's CRC-32, and the body. One or several are handed over in one `write`. So a
killed process leaves whole frames and at most one torn one at the end, and what was written outlives every process. It
outlives a power cut once `sync` has returned.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

from ml_platform.core.private_files import private_folder

_HEAD = struct.Struct("<II")
_SUFFIX = ".frames"
_MAX_BYTES = 64 * 2**20
_MAX_SECONDS = 600.0


class FrameLog:
    """The file that a process writes to, and the next one when it is large or old.

    The file is locked while it is written to: one without a lock has no writer any more.
    """

    def __init__(self, folder: Path, max_bytes: int = _MAX_BYTES, max_seconds: float = _MAX_SECONDS) -> None:
        self._folder, self._max_bytes, self._max_seconds = private_folder(folder), max_bytes, max_seconds
        self._file: int | None = None
        self._lock = threading.Lock()  # `sync` may run in another thread: the file is not closed below it
        self._size, self._opened, self._failed = 0, 0.0, False
        self.number = 0
        """How many files were begun: who writes a frame that others rely on writes it again into the next file."""

    def prepare(self) -> int:
        """Return the number of the file that the next frame goes to; another one where this is large or old."""
        self.end_if_old()
        if self._file is None:
            self._file = _begun_file(self._folder)
            self._size, self._opened, self.number = 0, time.monotonic(), self.number + 1
            self._failed = False
        return self.number

    @property
    def is_open(self) -> bool:
        """Whether the next frame goes to a file that was begun before."""
        return self._file is not None

    def end_if_old(self) -> None:
        """End the file where it is large or old, or the disk has failed: what it lost of a file leaves a hole there."""
        aged = time.monotonic() - self._opened >= self._max_seconds
        if self._file is not None and self._size and (aged or self._failed or self._size >= self._max_bytes):
            self.close()

    def append(self, *bodies: bytes) -> None:
        """Write a frame for each body into the file that `prepare` left open, in one step.

        When this returns, the operating system has them. A body has at least one byte.

        Raises
        ------
        OSError
            Where they could not be written, such as on a full disk. What was written of them is cut off again.
        """
        if self._file is None:
            self.prepare()
        assert self._file is not None
        frames = b"".join([_HEAD.pack(len(body), zlib.crc32(body)) + body for body in bodies])
        try:
            written = os.write(self._file, frames)
            if written != len(frames):
                raise OSError(28, "no space left for a whole record")
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(frames)

    def sync(self) -> None:
        """Wait until everything that was appended is on the disk.

        Raises
        ------
        OSError
            Where the disk fails. The next frame then begins another file: the system reports a failure once only, and
            readers would not pass what is lost.
        """
        with self._lock:
            if self._file is not None:
                try:
                    os.fdatasync(self._file)
                except OSError:
                    self._failed = True
                    raise

    def close(self) -> None:
        """End the file; the next frame begins another."""
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                try:
                    if not self._failed:  # else each waiting request has the error
                        os.fdatasync(file)
                finally:
                    os.close(file)


def _begun_file(folder: Path) -> int:
    """Return a new file, which is locked. Its name is one that readers look for only once it is."""
    path = folder / f"{time.time_ns():020d}-{uuid.uuid4().hex[:12]}{_SUFFIX}"
    hidden = path.with_suffix(".new")
    file = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        hidden.rename(path)
    except OSError:
        os.close(file)
        hidden.unlink(missing_ok=True)
        raise
    return file


def read_frames(path: Path) -> Iterator[bytes]:
    """Yield the bodies of a file's frames, up to the first that is not whole."""
    content = path.read_bytes()
    at = 0
    while at + _HEAD.size <= len(content):
        size, checksum = _HEAD.unpack_from(content, at)
        body = content[at + _HEAD.size : at + _HEAD.size + size]
        if not body or len(body) != size or zlib.crc32(body) != checksum:
            return  # zeros, which a disk that failed leaves, would be frames of nothing
        yield body
        at += _HEAD.size + size


def whole_bytes(path: Path) -> int:
    """Return how many bytes of a file are whole frames."""
    return sum(_HEAD.size + len(body) for body in read_frames(path))


def frame_files(folder: Path) -> list[Path]:
    """Return the files of all writers, the oldest first."""
    return sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []


def has_writer(path: Path) -> bool:
    """Return whether a process still writes to a file."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False

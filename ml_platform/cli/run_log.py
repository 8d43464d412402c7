"""The log of one run: what its process writes to stderr, in a file of its own and in memory for the last lines."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import TextIO

_KEPT = 20
_LAST = 3
_CHILDREN_SECONDS = 5.0  # how long the children of a process may run after its end


class RunLog:
    """A file that no other run writes. The last lines are known also where the disk is full.

    Parameters
    ----------
    folder
        The folder of logs; those of the newest runs are kept.

    Raises
    ------
    OSError
        Where the file cannot be created.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for former in sorted(folder.glob("run-*.log"))[: 1 - _KEPT]:
            former.unlink(missing_ok=True)
        self.path = folder / f"run-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}.log"
        self.path.touch()
        self._last: deque[str] = deque(maxlen=_LAST)
        self._thread: Thread | None = None

    @contextmanager
    def receiving(self) -> Iterator[int]:
        """Yield the write end of a pipe, as stderr of a process; what the process writes goes to the log file."""
        read, write = os.pipe()
        stream = os.fdopen(read, encoding="utf-8", errors="replace")
        self._thread = Thread(target=self._write, args=(stream,), daemon=True)
        self._thread.start()
        try:
            yield write
        finally:
            os.close(write)

    def last_lines(self) -> Sequence[str]:
        """Return the last lines that are not blank, once the process has ended."""
        if self._thread is not None:
            self._thread.join(_CHILDREN_SECONDS)
        return list(self._last)

    def _write(self, stream: TextIO) -> None:
        with stream, suppress(OSError), self.path.open("w", encoding="utf-8", errors="replace") as file:
            for line in stream:
                if line.strip():
                    self._last.append(line.rstrip())
                with suppress(OSError):  # a full disk: the last lines are still kept
                    file.write(line)
                    file.flush()

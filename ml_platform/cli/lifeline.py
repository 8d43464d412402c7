"""A process that stops the servers of ``ml-platform up`` where ``up`` itself was killed.

``up`` writes the process group of each server that it starts to this process's input. The operating system closes
that input when ``up`` ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence

DONE = "done"
"""What ``up`` writes when it has stopped its servers itself."""
_STOP_SECONDS = 10.0


def main(folder: str) -> None:
    """Wait for the end of the input, stop every server that is left, and remove the folder of their sockets."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    lines = [line.strip() for line in sys.stdin]
    if DONE not in lines:
        stop_groups([int(line) for line in reversed(lines) if line.isdecimal()])
    shutil.rmtree(folder, ignore_errors=True)


def stop_groups(groups: Sequence[int]) -> None:
    """Ask process groups to end, and kill what has not ended after some seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        running = [group for group in groups if _send(group, number)]
        deadline = time.monotonic() + _STOP_SECONDS
        while running and time.monotonic() < deadline:
            time.sleep(0.1)
            running = [group for group in running if _send(group, 0)]


def _send(group: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main(sys.argv[1])

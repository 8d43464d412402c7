"""The process of ``ml-platform up`` that keeps the site current: ``python -m ml_platform.cli.keep_site DIR``.

It looks every few seconds whether something was recorded, and writes the site in a process of its own. Where that
fails, the older site stays, the log has the reason, and nothing else stops.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from ml_platform.core.private_files import be_private
from ml_platform.project import open_project
from ml_platform.reporting.site.recorded import is_current, recorded_state

_ONCE = "once"
_LOOK_SECONDS = 5
_RETRY_SECONDS = 120
_PRIORITY = 10
"""Lower than that of runs and servers."""


def main(directory: str) -> None:
    """Keep the site of a project current until the process is stopped."""
    be_private()
    os.nice(_PRIORITY)
    project = open_project(Path(directory))
    failed, retry_at = "", 0.0
    while True:
        try:
            state = recorded_state(project)
            if not is_current(project) and (state != failed or time.monotonic() > retry_at):
                written = _write(directory)
                failed, retry_at = "" if written else state, time.monotonic() + _RETRY_SECONDS
        except Exception as error:  # a page that is not written stops no server
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        time.sleep(_LOOK_SECONDS)


def _write(directory: str) -> bool:
    command = [sys.executable, "-m", "ml_platform.cli.keep_site", directory, _ONCE]
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode == 0


def write_once(directory: str) -> None:
    """Write the site of a project, as ``ml-platform site`` does."""
    from ml_platform.reporting.site.refresh import refresh_site

    be_private()
    refresh_site(open_project(Path(directory)))


if __name__ == "__main__":
    try:
        (write_once if sys.argv[2:] == [_ONCE] else main)(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)

"""The program of a worker: ``python -m ml_platform.serving.worker_process DESCRIPTOR SETTINGS``."""

from __future__ import annotations

import json
import sys
import threading

from ml_platform.core.private_files import be_private


def main() -> None:
    """Run a worker until it gets a signal to stop, or until its parent ends."""
    be_private()
    descriptor, settings = int(sys.argv[1]), json.loads(sys.argv[2])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from ml_platform.serving.limits import Limits
    from ml_platform.serving.worker import run_worker

    run_worker(settings["root"], descriptor, settings["port"], tuple(settings["names"]), Limits(**settings["limits"]))


def _end_with_parent() -> None:
    """End gracefully once the parent is gone: its end of the pipe closes however it ends."""
    import os
    import signal

    while os.read(0, 1024):  # not sys.stdin, whose lock ends the process with an error where it stops meanwhile
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()

"""The process that tries an experiment: it confines itself first, and only then reads the project's code.

It takes a `Request` on stdin, and writes one JSON object a line to stdout. What the project's code prints goes to
stderr.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ml_platform.core.confinement import confine, why_not
from ml_platform.operations.experiments.request import Request, WithoutSecrets


def main() -> int:
    """Try the experiment that stdin names, and return the exit code."""
    request = Request.read(sys.stdin.readline())
    with os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8") as output:
        os.dup2(2, 1)

        def emit(event: dict[str, Any]) -> None:
            output.write(f"{json.dumps(event)}\n")

        return _run(request, emit)


def _run(request: Request, emit: Any) -> int:
    problem = why_not()
    if problem is None:
        confine([Path(request.folder) / "space"], network=request.network)
    emit({"event": "begin", "not_confined": problem})
    from ml_platform.core.errors import PlatformError
    from ml_platform.operations.experiments.studies import study_here
    from ml_platform.operations.experiments.trial import open_experiment, try_project

    make = try_project if request.study is None else study_here
    try:
        make(open_experiment(request, WithoutSecrets(os.environ)), request, emit)
    except PlatformError as error:
        emit({"event": "failed", "problem": str(error)})
    emit({"event": "end"})
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A process that has imported everything, and forks one that does a single thing when it is let go.

Each line on stdin, ``{"do": ..., "root": ...}``, forks a child that waits. Its number is printed at once; the next
line, whatever it says, lets it go; how it ended is printed when it has.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ml_platform.audit.retention.plan import plan_removal
from ml_platform.audit.retention.remove import remove
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.operations.predictions.score import score_batch
from ml_platform.project import Project, open_project
from ml_platform.registry.deploy import deploy
from ml_platform.storage import chunks
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import register_version
from tests.audit.verify.factory import MODEL, NOON, inputs_of


def one_by_one(work: Any, items: Any) -> list[Any]:
    """Do in one thread what is done in several, so that its system calls come in an order."""
    return [work(item) for item in items]


def write_snapshot(project: Project) -> None:
    build_snapshot(project, MODEL, inputs_of(project), NOON)


def register(project: Project) -> None:
    trained = current_output(project.database, f"{MODEL}/trained_model")
    register_version(project, MODEL, project.store.get("trained_model", str(trained)), NOON)


def deploy_it(project: Project) -> None:
    trained, evaluation = (
        str(current_output(project.database, f"{MODEL}/{kind}")) for kind in ("trained_model", "evaluation")
    )
    deploy(project, MODEL, trained, evaluation, "ada@shop.example", NOON)


def score(project: Project) -> None:
    score_batch(project, MODEL, inputs_of(project), NOON.date(), NOON + timedelta(hours=10))


def set_aside(project: Project) -> None:
    _remove(project, days=2)


def remove_for_good(project: Project) -> None:
    _remove(project, days=4)


def _remove(project: Project, days: int) -> None:
    """Do what a removal would do so many days after the files were written."""
    later, wall = NOON + timedelta(days=60), datetime.now(UTC) + timedelta(days=days)
    remove(project, plan_removal(project, later, wall).id, later, wall, actor="ada")


DEEDS = {
    "snapshot": write_snapshot,
    "register": register,
    "deploy": deploy_it,
    "score": score,
    "set_aside": set_aside,
    "remove_for_good": remove_for_good,
}


def do(deed: str, root: str) -> None:
    """Do one of the deeds on a project."""
    vars(chunks)["at_once"] = one_by_one
    DEEDS[deed](open_project(Path(root)))


def main() -> None:
    while line := sys.stdin.readline():
        asked = json.loads(line)
        gate, opened = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.read(gate, 1)
            code = 1
            try:
                do(asked["do"], asked["root"])
                code = 0
            finally:
                os._exit(code)
        print(pid, flush=True)
        sys.stdin.readline()
        os.write(opened, b"!")
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        os.close(gate)
        os.close(opened)


if __name__ == "__main__":
    main()

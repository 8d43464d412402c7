"""A process that is killed at any system call of writing leaves the old state or the new, and doing it again completes.

A slice of the system calls is always taken; with ``ML_PLATFORM_PROVE=1`` every one is. Files opened to be read are not
counted: a kill there leaves the same files as one at the next call that writes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from ml_platform.audit.verify.verify import verify_project
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.models.train import train_model
from ml_platform.project import open_project
from ml_platform.registry.champion import champion
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.storage.ledger.lines import chain_faults, ledger_lines
from ml_platform.storage.manifest_index import ManifestIndex
from ml_platform.storage.outputs import record_output
from ml_platform.storage.prediction_log import logged_days
from ml_platform.storage.versions import versions
from tests.audit.verify.factory import MODEL, NOON, inputs_of
from tests.audit.verify.small_shop import write_small
from tests.audit.verify.warm_process import do

CALLS = (
    "write,pwrite64,writev,pwritev,fsync,fdatasync,openat,rename,renameat,renameat2,unlink,unlinkat,"
    "mkdir,mkdirat,ftruncate,link,linkat,fallocate"
)
DEEDS = ("snapshot", "register", "deploy", "score")
REMOVALS = ("set_aside", "remove_for_good")
SLICE = 7  # of each deed
KILLED = -9
PROVE = bool(os.environ.get("ML_PLATFORM_PROVE"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Projects right before each deed."""
    before = tmp_path_factory.mktemp("killed") / "before"
    write_small(before)
    after = shutil.copytree(before, before.parent / "after")
    project = open_project(after)
    snapshot = build_snapshot(project, MODEL, inputs_of(project), NOON).artifact
    trained = train_model(project, MODEL, snapshot.id).artifact
    evaluation = evaluate_model(project, MODEL, trained.id, snapshot.id, None).artifact
    for kind, id in (("trained_model", trained.id), ("evaluation", evaluation.id)):
        record_output(project.database, f"{MODEL}/{kind}", kind, id, run="r", at=NOON)
    project.database.engine.dispose()
    deployed = shutil.copytree(after, before.parent / "deployed")
    do("deploy", str(deployed))
    return {"snapshot": before, "register": after, "deploy": after, "score": deployed}


@pytest.fixture(scope="module")
def cluttered(prepared: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Projects right before each step of a removal: with a snapshot that nothing needs, and with it set aside."""
    before = shutil.copytree(prepared["score"], tmp_path_factory.mktemp("cluttered") / "before")
    with (before / "project.yaml").open("a") as file:
        file.write("retention: {snapshots: 10d}\n")
    project = open_project(before)
    needed = next(iter(project.store.ids("snapshot")))
    more = build_snapshot(project, MODEL, inputs_of(project), NOON - timedelta(days=1)).artifact
    assert more.id != needed
    for id in (more.id, needed):
        record_output(project.database, f"{MODEL}/snapshot", "snapshot", id, run="r", at=NOON)
    project.database.engine.dispose()
    aside = shutil.copytree(before, before.parent / "aside")
    do("set_aside", str(aside))
    return {"set_aside": before, "remove_for_good": aside}


class Warm:
    """The process that forks those that are killed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.audit.verify.warm_process"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
        )  # fmt: skip

    def do(self, deed: str, root: Path, *strace: str) -> tuple[int, int]:
        """Let a process do a deed under strace, and return its number and how it ended."""
        assert self._process.stdout is not None
        self._send(json.dumps({"do": deed, "root": str(root)}))
        pid = int(self._process.stdout.readline())
        command = ["strace", "-f", "-p", str(pid), *strace]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            assert "attached" in tracer.stderr.readline()
            self._send("go")
            code = int(self._process.stdout.readline())
            tracer.stderr.read()
        return pid, code

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    process = Warm()
    yield process
    process.close()


@pytest.mark.server
@pytest.mark.timeout(14_400 if PROVE else 300)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_kill_leaves_the_old_state_or_the_new_and_a_repetition_completes(
    prepared: dict[str, Path], warm: Warm, tmp_path: Path, deed: str
) -> None:
    template = prepared[deed]
    done = shutil.copytree(template, tmp_path / "done" / "project")
    points = _points(warm, deed, done, tmp_path / "trace")
    old, new = _state(deed, template), _state(deed, done)
    assert old != new
    taken = points if PROVE else Random(deed).sample(points, SLICE)
    ended: Counter[str] = Counter()
    for name, number in taken:
        root = shutil.copytree(template, tmp_path / "killed" / "project")
        _, code = warm.do(deed, root, "-o", "/dev/null", "-e", f"inject={name}:signal=KILL:when={number}")
        assert code in (KILLED, 0)
        state_after = _state(deed, root)
        assert state_after in ((old, new) if code else (new,)), f"killed at {name} {number}"
        ended["not reached" if code == 0 else "old" if state_after == old else "new"] += 1
        _require_whole(root)
        do(deed, str(root))
        assert _state(deed, root) == new, f"done again after a kill at {name} {number}"
        assert _require_whole(root) == []
        shutil.rmtree(root.parent)
    assert ended["old"] > 0
    assert ended["not reached"] <= 1 + len(taken) // 20  # threads of the engine read a little more or less each time


def _points(warm: Warm, deed: str, root: Path, trace: Path) -> list[tuple[str, int]]:
    """Do a deed unharmed and return the system calls of its main thread that may write: name, and the how many-th."""
    pid, code = warm.do(deed, root, "-o", str(trace), "-e", f"trace={CALLS}")
    assert code == 0
    seen: Counter[str] = Counter()
    points = []
    for name, arguments in re.findall(rf"^{pid} +(\w+)\((.*)", trace.read_text(), flags=re.MULTILINE):
        seen[name] += 1
        if name != "openat" or re.search(r"O_(WRONLY|RDWR|CREAT)", arguments):
            points.append((name, seen[name]))
    return sorted(points)


def _state(deed: str, root: Path) -> object:
    """What the project says is there: whole, or not at all."""
    project = open_project(root)
    try:
        if deed == "snapshot":
            return [(id, len(project.store.get("snapshot", id).objects)) for id in project.store.ids("snapshot")]
        if deed == "score":
            return [(logged.day, logged.rows, logged.artifact) for logged in logged_days(project, MODEL)]
        known = [(version.number, version.id) for version in versions(project, MODEL)]
        if deed == "register":
            return known
        lines = [(line.action, line.from_value, line.to_value) for line in ledger_lines(project.database)]
        return champion(project, MODEL) and (known, lines)
    finally:
        project.database.engine.dispose()


def _require_whole(root: Path) -> list[str]:
    """Nothing is damaged, missing or surplus, and return what is unfinished."""
    project = open_project(root)
    assert list(chain_faults(project.database)) == []
    verification = verify_project(project)
    assert [str(item) for item in verification.damages] == []
    project.database.engine.dispose()
    return verification.unfinished


@pytest.mark.server
@pytest.mark.timeout(14_400 if PROVE else 300)
@pytest.mark.parametrize("deed", REMOVALS)
def test_a_killed_removal_is_no_damage_and_a_second_removal_completes_it(
    cluttered: dict[str, Path], warm: Warm, tmp_path: Path, deed: str
) -> None:
    template = cluttered[deed]
    done = shutil.copytree(template, tmp_path / "done" / "project")
    points = _points(warm, deed, done, tmp_path / "trace")
    calls = Counter(name for name, _ in points)
    assert calls["unlink"] >= 3 or deed == "set_aside"
    expected = _stored(done)
    assert expected != _stored(template)
    unlinks = [("unlink", number) for number in (2, calls["unlink"])] if deed == "remove_for_good" else []
    taken = points if PROVE else [*unlinks, *Random(deed).sample(points, SLICE)]
    unfinished = 0
    for name, number in taken:
        root = shutil.copytree(template, tmp_path / "killed" / "project")
        _, code = warm.do(deed, root, "-o", "/dev/null", "-e", f"inject={name}:signal=KILL:when={number}")
        assert code in (KILLED, 0)
        unfinished += any("ml-platform gc finishes it" in sentence for sentence in _require_whole(root))
        do(deed, str(root))
        assert _require_whole(root) == [], f"removed again after a kill at {name} {number}"
        assert _stored(root) == expected, f"removed again after a kill at {name} {number}"
        shutil.rmtree(root.parent)
    assert unfinished > 0 or deed == "set_aside"


def _stored(root: Path) -> tuple[set[str], list[str]]:
    """The files that are in their place, and what the database remembers of manifests and keys."""
    project = open_project(root)
    index = ManifestIndex(project.database)
    known = [f"{kind} {name}" for kind, name in (*index.manifests(), *index.keys())]
    project.database.engine.dispose()
    store = project.state / "store"
    files = {path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file()}
    return {path for path in files if not path.startswith(("aside/", "tmp/", "anchors/"))}, known

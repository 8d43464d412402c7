"""Code of an experiment that attacks production: nothing of production changes, by a byte or by a time of a file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_platform.core.confinement import why_not
from ml_platform.operations.experiments.launch import Wanted, run_experiment
from ml_platform.operations.experiments.listing import experiment_named
from ml_platform.project import Project, open_project
from tests.audit.verify.factory import MODEL, build_factory

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None and "CI" not in os.environ, reason=str(why_not())),
]
HOSTILE = Path(__file__).with_name("hostile.py")
SECRET = "hunter2-hunter2-hunter2"
NOW = datetime(2024, 3, 3, tzinfo=UTC)


def tree(root: Path) -> dict[str, tuple[object, ...]]:
    """Return kind, mode, owner, times and content of everything in a folder, but for experiments."""
    result: dict[str, tuple[object, ...]] = {}
    for path in sorted([root, *root.rglob("*")]):
        if "experiments" in path.parts:
            continue
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        times = (
            status.st_mtime_ns if path.is_file() else 0
        )  # a folder that gets the folder of experiments has a new one
        result[str(path.relative_to(root))] = (status.st_mode, status.st_uid, status.st_ino, times, content)
    return result


@pytest.fixture
def production(tmp_path: Path) -> Project:
    project = build_factory(tmp_path / "factory")
    (project.state / "mlflow.sqlite").write_bytes(b"")
    project.database.engine.dispose()
    return open_project(project.root)


def hostile_project(production: Project, folder: Path, port: int) -> Path:
    shutil.copytree(production.root, folder, ignore=shutil.ignore_patterns(".ml_platform"))
    code = HOSTILE.read_text().replace("@ROOT@", str(production.root))
    (folder / "hostile.py").write_text(code.replace("@SECRET@", SECRET).replace("@PORT@", str(port)))
    model = folder / f"models/{MODEL}.yaml"
    model.write_text(model.read_text() + "transforms: [hostile:fiddle]\n")
    return folder


def test_hostile_code_changes_nothing_of_production(
    production: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", SECRET)
    signals: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _: signals.append(number))
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted: list[object] = []
        threading.Thread(target=lambda: accepted.append(server.accept()), daemon=True).start()
        folder = hostile_project(production, tmp_path / "changed", server.getsockname()[1])
        before, outside = tree(production.root), tree(folder)
        space = run_experiment(production, Wanted("hostile", folder, (MODEL,)), NOW)
        time.sleep(1.5)  # for the process that it left
        assert tree(production.root) == before
        assert tree(folder) == outside
        assert not accepted
    assert not signals
    assert experiment_named(production, "hostile").state == "done"
    _assert_all_failed(json.loads((space.writable / "hostile.json").read_text()))


def _assert_all_failed(outcomes: dict[str, str]) -> None:
    """Changes of modes and times report success, and have no effect, as the files show; all else was refused."""
    assert len(outcomes) > 500
    for name, outcome in outcomes.items():
        if name.startswith(("mode ", "times ")) or name == "leave a process":
            assert outcome == "done", name
        elif name == "shell":
            assert outcome.startswith("code")
        else:
            assert outcome not in ("done", "code 0"), name


def test_the_attacks_work_where_nothing_stops_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same attacks in this process change a folder, so that the test above can fail."""
    from tests.operations.experiments import hostile

    victim, other = tmp_path / "victim", tmp_path / "other"
    (victim / ".ml_platform/store").mkdir(parents=True)
    other.mkdir()
    (victim / "a.txt").write_text("a")
    monkeypatch.setattr(hostile, "ROOT", victim)
    monkeypatch.setattr(hostile, "OUTPUT", other / "hostile.json")
    before = tree(victim)
    works = ("write ", "append ", "mode ", "times ", "truncate ", "new ", "hard link", "symbolic", "python", "database")
    done = {name: hostile._tried(attack) for name, attack in hostile.attacks() if name.startswith(works)}
    assert {*done.values()} == {"done", "code 0"}
    assert tree(victim) != before


def test_a_project_that_is_not_confined_is_named(
    production: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel cannot confine, the experiment says so, and still works on a copy without secrets."""
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "sitecustomize.py").write_text(
        "import ml_platform.core.confinement as c\nc.why_not = lambda: 'the kernel has no Landlock'\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{fake}:{os.environ.get('PYTHONPATH', '')}")
    before = tree(production.root)
    run_experiment(production, Wanted("open", None, (MODEL,)), NOW)
    assert tree(production.root) == before
    assert experiment_named(production, "open").record["not_confined"] == "the kernel has no Landlock"

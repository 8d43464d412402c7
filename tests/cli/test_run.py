"""`ml-platform run` as its caller sees it: how it tells a process that was killed, and whose log is whose."""

from __future__ import annotations

import io
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_platform.cli import run as running
from ml_platform.cli.run import Run, run_project, totals_text
from ml_platform.cli.run_log import RunLog
from ml_platform.cli.run_progress import Progress
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.project import open_project
from tests.worlds import write_shop

DYING = """
import os, signal, sys
print("warning of a library", file=sys.stderr, flush=True)
print('{{"event": "sta', end="", flush=True)
os.kill(os.getpid(), signal.{name})
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop whose runs are those of a module that the test writes."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(running, "_RUNNER", "runner")
    return write_shop(tmp_path / "shop", days=1)


def _logs(shop: Path) -> list[Path]:
    return sorted((shop / ".ml_platform/logs").iterdir())


@pytest.mark.parametrize(
    ("name", "sender"), [("SIGKILL", ", which the system sends where memory is short"), ("SIGTERM", "")]
)
def test_a_run_whose_process_was_killed_names_the_signal_and_its_log(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, sender: str
) -> None:
    (tmp_path / "runner.py").write_text(DYING.format(name=name))
    assert run_project(shop, "update_everything", None) == 1
    (log,) = _logs(shop)
    assert capsys.readouterr().err.splitlines() == [
        "warning of a library",
        f"Dagster's process was ended by {name}{sender}. Run again: finished steps are kept.",
        f"The complete log is in {log}.",
    ]


def test_each_run_writes_a_separate_log_and_the_newest_twenty_stay(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "runner.py").write_text("import os, sys\nprint(os.getpid(), file=sys.stderr)\n")
    folder = shop / ".ml_platform/logs"
    folder.mkdir(parents=True)
    for number in range(25):
        (folder / f"run-20240101T0000{number:02}.000000-7.log").write_text("former")
    (folder / "dagster.log").write_text("of a server")
    for _ in range(2):
        running._run(open_project(shop), "update_everything")
    *former, first, second = [path for path in _logs(shop) if path.name.startswith("run-")]
    assert [path.name[17:19] for path in former] == [f"{number:02}" for number in range(7, 25)]
    assert first.read_text().strip().isdigit()
    assert first.read_text() != second.read_text()
    assert all(re.fullmatch(rf"run-\d{{8}}T\d{{6}}\.\d{{6}}-{os.getpid()}\.log", path.name) for path in (first, second))
    assert (folder / "dagster.log").read_text() == "of a server"


def test_the_last_lines_of_a_run_are_printed_though_its_log_cannot_be_written(tmp_path: Path) -> None:
    """The file is /dev/full, on which every write fails as on a full disk."""
    log = RunLog(tmp_path)
    log.path.unlink()
    log.path.symlink_to("/dev/full")
    with log.receiving() as errors:
        os.write(errors, b"one\n\ntwo\nthree\nfour\n")
    assert log.last_lines() == ["two", "three", "four"]


def test_the_outcome_of_a_run_is_one_json_object_and_the_progress_is_on_stderr(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        {"event": "run", "run": "r", "job": "update_everything", "steps": ["a", "b", "c", "d"]},
        {"event": "done", "step": "a", "seconds": 1.5, "reused": False, "id": "x", "figures": {"rows": 3}},
        {"event": "done", "step": "b", "seconds": 0.5, "reused": True, "id": "y", "figures": {}},
        {"event": "failed", "step": "c", "error": "no such file"},
        {"event": "skipped", "step": "d"},
        {"event": "end", "run": "r", "success": False, "seconds": 2.0},
    ]
    (tmp_path / "runner.py").write_text(
        f"import json, sys\nfor line in {lines}: print(json.dumps(line))\nsys.exit(1)\n"
    )
    assert run_project(shop, "update_everything", None, as_json=True) == 1
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    (run,) = document["runs"]
    assert (document["format_version"], document["project"], run["exit_code"], run["seconds"]) == (1, "shop", 1, 2.0)
    assert run["steps"] == [
        {"step": "a", "result": "made", "seconds": 1.5, "id": "x", "figures": {"rows": 3}},
        {"step": "b", "result": "unchanged", "seconds": 0.5, "id": "y", "figures": {}},
        {"step": "c", "result": "failed", "error": "no such file"},
        {"step": "d", "result": "skipped"},
    ]
    assert "no such file" in printed.err


def done(step: str, figures: dict[str, object] | None = None, *, reused: bool = False) -> dict[str, object]:
    return {"event": "done", "step": step, "seconds": 1.5, "reused": reused, "id": "x", "figures": figures or {}}


def test_unchanged_steps_are_one_line_and_each_figure_names_what_it_counts() -> None:
    stream = io.StringIO()
    with Progress(SafeConsole(file=stream)) as progress:
        for event in (
            done("sources/a", reused=True),
            done("sources/b", reused=True),
            done("features/c", {"dagster/row_count": 1234}),
            done("m/tuning", {"score": "brier", "best_loss": 0.1234567, "declared_loss": 0.13}),
            done("n/tuning", {"score": "value", "best_loss": -41.5, "declared_loss": -41.5}),
            done("m/trained_model", {"version": "m@2"}),
            done("m/evaluation", {"verdict": "keep", "dagster/row_count": 90}),
            done("m/deployment", {"not deployed": "kept version 1: it earns less"}, reused=True),
            done("m/rollout", {"verdict": "inconclusive", "reason": "the stage has 1h left"}),
            done("m/predictions", {"dagster/partition_row_count": 1}),
            done("n/deployment", {"not deployed": "kept version 4: it earned less last week"}, reused=True),
            {"event": "failed", "step": "n/predictions", "error": "no such file"},
            {"event": "skipped", "step": "n/monitoring"},
        ):
            progress.show(event)
    assert stream.getvalue().splitlines() == [
        "  ✓ 2 steps: unchanged (sources/a, sources/b)",
        "  ✓ features/c\t1.5 s\t1,234 rows",
        "  ✓ m/tuning\t1.5 s\tbest brier 0.123, declared parameters 0.13",
        "  ✓ n/tuning\t1.5 s\tloss −41.5: no trial is better than the declared parameters",
        "  ✓ m/trained_model\t1.5 s\ttrained m@2",
        "  ✓ m/evaluation\t1.5 s\t90 test rows; the new version is not deployed",
        "  ✓ m/deployment\t1.5 s\tkept version 1: it earns less",
        "  ✓ m/rollout\t1.5 s\tthe stage has 1h left",
        "  ✓ m/predictions\t1.5 s\t1 prediction",
        "  ✓ n/deployment: unchanged",
        "  ✗ n/predictions: no such file",
        "  · n/monitoring\tnot run\twhat it needs is missing",
    ]


def test_a_run_ends_with_its_totals_and_its_time() -> None:
    now = datetime(2024, 3, 1, tzinfo=UTC)
    steps = [
        {"step": name, "result": result}
        for name, result in zip("abcd", ("made", "unchanged", "made", "failed"), strict=False)
    ]
    first, second = Run(now, seconds=130.0, steps=steps), Run(now, seconds=5.0, steps=steps[1:2])
    assert totals_text([first]) == "4 steps: 2 computed, 1 unchanged, 1 failed. They took 2 min."
    assert totals_text([first, second]) == "5 steps in 2 runs: 2 computed, 2 unchanged, 1 failed. They took 2 min."
    assert totals_text([Run(now, seconds=5.0, steps=steps[:1])]) == "1 step: 1 computed. It took 5.0 s."
    assert totals_text([second]) == "Nothing to do: the one step is up to date. Checking took 5.0 s."

"""What commands print on terminals of four widths and in a pipe: nothing is cut, padded or too wide."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from ml_platform.cli.main import main
from ml_platform.cli.run import simulated
from ml_platform.operations.alerts import Alert, send_alert
from ml_platform.project import Project
from ml_platform.storage.prediction_log import read_predictions
from tests.audit.verify.factory import MODEL, NOON, build_factory

WIDTHS = (80, 100, 120, 150)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
IDS = re.compile(rf"\b[0-9a-f]{{64}}\b|\b{MODEL}\.\d{{8}}\.[0-9a-f]{{16}}\b")
COMMANDS = {
    "status": ["status"],
    "status of a model": ["status", MODEL],
    "plan": ["plan"],
    "drift": ["drift", MODEL, "--all"],
    "alerts": ["alerts"],
    "digest": ["digest"],
    "predictions": ["predictions", MODEL],
    "explain": ["explain", "PREDICTION"],
    "explain all": ["explain", "PREDICTION", "--all"],
    "champion": ["champion", MODEL],
    "snapshots": ["snapshots"],
    "snapshot": ["snapshot", "show", MODEL],
    "compare": ["compare", f"{MODEL}@1", f"{MODEL}@2"],
    "preview of features": ["preview", "features/courier_recent"],
    "preview of a label": ["preview", MODEL],
    "quarantine": ["quarantine"],
    "gc": ["gc"],
    "erase": ["erase", "courier", "courier=c1", "--reason", "asked"],
    "verify": ["verify"],
    "doctor": ["doctor"],
    "graph": ["graph"],
    "experiments": ["experiments"],
    "validate": ["validate"],
    "reproduce": ["reproduce", f"{MODEL}@1"],
    "help": ["--help"],
}
SHORT = {"predictions": ["prediction_id", "score", "action"], "status": ["version 2", "health", "earned"]}
"""What stays at the smallest width, by command."""
Show = Callable[[str, int | None], str]


class Terminal(io.TextIOWrapper):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = build_factory(tmp_path_factory.mktemp("factory"))
    simulated(project).advance(NOON + timedelta(days=1, hours=12) - project.clock.now())
    body = "A sentence that is long enough to need more than a line on a narrow terminal, and says what happened."
    send_alert(project, Alert("k", "a title", body, "ticket", next_step="Look at it."), project.clock.now())
    return project


@pytest.fixture
def show(factory: Project, monkeypatch: pytest.MonkeyPatch) -> Show:
    """Return what a command prints at a width; None is a pipe, which gets no standard error."""
    now = factory.clock.now()
    log = read_predictions(factory, MODEL, now - timedelta(days=9), now, ["prediction_id"])

    def shown(name: str, width: int | None) -> str:
        words = [str(log["prediction_id"].iloc[0]) if word == "PREDICTION" else word for word in COMMANDS[name]]
        held = io.BytesIO()
        stream = (io.TextIOWrapper if width is None else Terminal)(held, encoding="utf-8", write_through=True)
        with monkeypatch.context() as patched:
            patched.chdir(factory.root)
            patched.setenv("COLUMNS", str(width or 80))
            patched.setattr(sys, "argv", ["ml-platform", *words])
            patched.setattr(sys, "stdout", stream)
            patched.setattr(sys, "stderr", stream if width else io.StringIO())
            with pytest.raises(SystemExit) as ended:
                main()
        text = held.getvalue().decode("utf-8")
        assert ended.value.code in (0, None), text
        return text

    return shown


def wrapped_ids(lines: Sequence[str]) -> set[str]:
    return {id for line in lines for id in IDS.findall(line)}


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_cut_padded_or_too_wide_at_any_width(show: Show, name: str) -> None:
    piped = show(name, None)
    assert "\x1b" not in piped
    lines = piped.split("\n")
    assert [line for line in lines if line != line.rstrip()] == [] or name == "help"
    ids = wrapped_ids(lines)
    for width in WIDTHS:
        text = ESCAPES.sub("", show(name, width).replace("\r", ""))
        lines = text.split("\n")
        if name != "verify":  # it draws its progress in place
            assert [line for line in lines if len(line) > width] == []
        if name not in ("help", "graph"):  # drawn by other libraries
            assert [line for line in lines if line != line.rstrip()] == []
            assert "…" not in text
        assert ids <= wrapped_ids(lines)
        assert [word for word in SHORT.get(name, ()) if word not in text] == []


def test_the_rows_of_a_pipe_are_records_of_equally_many_cells(show: Show) -> None:
    head, *rows = show("predictions", None).splitlines()
    assert {row.count("\t") for row in rows} == {head.count("\t")}
    assert len(rows) == 20


def test_a_terminal_that_is_too_narrow_names_what_it_leaves_out(show: Show) -> None:
    assert "not shown at this width: " in show("predictions", 80)
    assert "not shown" not in show("predictions", None)


def test_continued_lines_keep_their_indent(show: Show, factory: Project) -> None:
    lines = ESCAPES.sub("", show("alerts", 80)).split("\n")
    begins = next(place for place, line in enumerate(lines) if "a title" in line)
    assert lines[begins + 1].startswith(" " * 2)
    assert Path(factory.root).exists()

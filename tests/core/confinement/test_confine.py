"""Which machines can confine a process, and what a confined one still can do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml_platform.core.confinement import confine as module
from ml_platform.core.confinement import why_not
from ml_platform.core.confinement.system_calls import _ALLOW, _MACHINES, _RETURN, _filter

CODE = """
import sys
from pathlib import Path
from ml_platform.core.confinement import confine
folder, other = map(Path, sys.argv[1:3])
confine([folder], network=sys.argv[3] == "network")
(folder / "a").mkdir()
(folder / "a/file").write_text("x")
(folder / "a/file").rename(folder / "file")
Path("/dev/null").write_text("x")
print((other / "file").read_text())
try:
    (other / "file").write_text("y")
except PermissionError:
    print("refused")
import socket
try:
    socket.socket().close()
    print("a socket")
except PermissionError:
    print("no socket")
"""


@pytest.mark.skipif(why_not() is not None and "CI" not in os.environ, reason=str(why_not()))
@pytest.mark.parametrize(("network", "expected"), [("network", "a socket"), ("none", "no socket")])
def test_a_confined_process_reads_everything_and_writes_in_its_folders(
    tmp_path: Path, network: str, expected: str
) -> None:
    for name in ("folder", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other/file").write_text("as it was")
    command = [sys.executable, "-c", CODE, str(tmp_path / "folder"), str(tmp_path / "other"), network]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:3] == ["as it was", "refused", expected]
    assert (tmp_path / "other/file").read_text() == "as it was"
    assert (tmp_path / "folder/file").read_text() == "x"


@pytest.mark.parametrize(
    ("platform", "known", "version", "reason"),
    [
        ("darwin", True, 7, "only Linux can confine a process"),
        ("linux", False, 7, "neither x86_64 nor aarch64"),
        ("linux", True, 0, "has no Landlock, or it is switched off"),
        ("linux", True, 1, "has version 1 of Landlock; version 2 is needed"),
        ("linux", True, 2, None),
    ],
)
def test_a_machine_that_cannot_confine_is_explained(
    monkeypatch: pytest.MonkeyPatch, platform: str, known: bool, version: int, reason: str | None
) -> None:
    confining = sys.modules[f"{module.__module__}"]
    monkeypatch.setattr(confining.sys, "platform", platform)
    monkeypatch.setattr(confining, "is_known_machine", lambda: known)
    monkeypatch.setattr(confining, "version", lambda: version)
    explained = confining.why_not()
    assert (explained is None) == (reason is None)
    assert reason is None or reason in str(explained)


def test_every_jump_of_the_filter_ends_inside_of_it() -> None:
    """The kernel refuses a filter with a wrong jump; that of the other kind of machine is not loaded here."""
    for machine in _MACHINES.values():
        for network in (True, False):
            lines = [*_filter(machine, network=network)]
            assert all(place + 1 + max(line[1:3]) < len(lines) for place, line in enumerate(lines[:-1]))
            assert lines[-1] == (_RETURN, 0, 0, _ALLOW)
            numbers = [*machine.modes, *machine.attributes, *machine.refused, machine.ioctl, machine.limits]
            assert len(numbers) == len({*numbers})

"""The command line in tests, in a process of its own or inside the test; its JSON is held to the reference."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ml_platform.cli.main import main
from ml_platform.reporting.reference.json_documents import FIELDS, fields_of
from tests.worlds import write_shop

PROGRAM = str(Path(sys.executable).parent / "ml-platform")


def call(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([PROGRAM, *words], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr
    return done


Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def inside(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Give `call` without a process of its own, which takes seconds to start, for tests of many commands."""

    def call_inside(*words: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", [PROGRAM, *words])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        if "--json" in words:
            require_documented(words, captured.out)
        return subprocess.CompletedProcess(words, int(ended.value.code or 0), captured.out, captured.err)

    return call_inside


def require_documented(words: Sequence[str], out: str) -> None:
    """Fail where a JSON document has no format version, or other fields than the reference lists."""
    names = [name for name in FIELDS if words[: len(name.split())] == (*name.split(),)]
    for document in [json.loads(out)] if out.startswith("{\n") else map(json.loads, out.splitlines()):
        assert document.pop("format_version") == 1
        assert any({*document} <= form for form in ({"error"}, *fields_of(names[-1])))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shop"), days=3)

"""Terminals that are not UTF-8: every sign that is printed can be written, or stands for one that can."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worlds import write_shop

PROGRAM = str(Path(sys.executable).parent / "ml-platform")
PRINT = (
    "import sys\nfrom ml_platform.cli.streams import print_anywhere\nprint_anywhere()\n"
    "print(sys.argv[1])\nprint(sys.argv[1], file=sys.stderr)"
)


def printed(text: str, encoding: str) -> tuple[bytes, bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", PRINT, text], capture_output=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip(), done.stderr.rstrip()


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("✓ parcels → 3 · …", "ascii", b"ok parcels -> 3 - ..."),
        ("Zoë, 5 €", "ascii", b"Zoe, 5 EUR"),
        ("Zoë, 5 €", "cp1252", "Zoë, 5 €".encode("cp1252")),
        ("Zoë ✓", "latin-1", "Zoë ok".encode("latin-1")),
        ("日本 🚀", "ascii", b"\\u65e5\\u672c \\U0001f680"),
        ("日本 🚀", "utf-8", "日本 🚀".encode()),
        (os.fsdecode(b"file\xff"), "utf-8", b"file\\udcff"),
    ],
)
def test_a_sign_that_a_stream_cannot_write_is_written_otherwise(text: str, encoding: str, expected: bytes) -> None:
    assert printed(text, encoding) == (expected, expected)


@pytest.mark.parametrize("words", [["validate"], ["plan"], ["graph"], ["status"], ["snapshots"], ["explain", "ø"]])
def test_commands_print_on_a_terminal_of_ascii(tmp_path: Path, words: list[str]) -> None:
    directory = tmp_path / "søppel"
    write_shop(directory)
    orders = directory / "sources/orders.yaml"
    orders.write_text(orders.read_text().replace("Every order,", "Every order – ✓ → 日本 –"), encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run([PROGRAM, *words], cwd=directory, capture_output=True, env=environment, timeout=120)
    output = (done.stdout + done.stderr).decode("ascii")
    assert "Traceback" not in output
    assert output.strip()
    assert done.returncode in ((1,) if words[0] == "explain" else (0,))

"""Questions at a terminal: an answer that cannot be used is asked for once more, and leaving is one sentence."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ml_platform.core.errors import PlatformError
from ml_platform.operations.new_project.choices import Choices, Wanted, choose
from ml_platform.operations.new_project.table import look_at
from tests.cli.conftest import PROGRAM
from tests.operations.new_project.test_new_project import write_orders

COLUMNS = "order_id, placed_at, courier, items, note, late, minutes, size"


def answered(folder: Path, *answers: str) -> tuple[Choices, list[str]]:
    """Return what follows from the answers, and the questions; a guess is taken where the answer is empty."""
    asked, waiting = list[str](), list(answers)

    def ask(question: str, guess: str) -> str:
        asked.append(question)
        return waiting.pop(0) or guess

    return choose(look_at(write_orders(folder / "orders.csv")), Wanted(), ask), asked


def test_a_typo_is_asked_for_once_more_with_the_columns(tmp_path: Path) -> None:
    chosen, asked = answered(tmp_path, "plced at", "placed at", "", "late", "minutes")
    assert (chosen.time, chosen.key, chosen.predict, chosen.excluded) == (
        "placed_at",
        ("order_id",),
        "late",
        ("minutes",),
    )
    assert len(asked) == 5
    assert asked[1] == (
        f"no column is called 'plced at'. Did you mean placed_at? The columns are {COLUMNS}.\n{asked[0]}"
    )


def test_each_question_may_be_answered_twice(tmp_path: Path) -> None:
    answers = ("courier", "placed_at", "courier", "order_id", "note", "late", "mins", "minutes")
    chosen, asked = answered(tmp_path, *answers)
    assert (chosen.time, chosen.key, chosen.predict) == ("placed_at", ("order_id",), "late")
    reasons = [question.partition("\n")[0] for question in asked[1::2]]
    assert reasons[0].endswith("Columns with times: placed_at.")
    assert reasons[1].startswith("1077 rows have a key that another row has.")  # 1,080 rows, three couriers
    assert reasons[2].startswith("column note is string with 0 distinct values")
    assert reasons[3].startswith("no column is called 'mins'. Did you mean minutes?")


def test_a_second_typo_ends_the_command(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=f"no column is called 'y'. The columns are {COLUMNS}. Nothing was written"):
        answered(tmp_path, "x", "y")


@pytest.mark.slow
@pytest.mark.parametrize("key", [b"\x03", b"\x04"], ids=["Ctrl-C", "end of input"])
def test_leaving_at_a_question_is_one_sentence(tmp_path: Path, key: bytes) -> None:
    write_orders(tmp_path / "orders.csv")
    terminal, end = pty.openpty()
    words = [PROGRAM, "init", "shop", "--from", "orders.csv"]
    with subprocess.Popen(
        words, cwd=tmp_path, stdin=end, stdout=end, stderr=end, start_new_session=True, preexec_fn=_control_terminal
    ) as process:
        os.close(end)
        try:
            printed = _read_until(terminal, b"[placed_at]: ")
            printed += _read_until(terminal, b"written.", press=key)
            assert process.wait(60) == 130
        finally:
            process.kill()
    os.close(terminal)
    assert printed.decode().split()[-4:] == ["Stopped.", "Nothing", "was", "written."]
    assert not (tmp_path / "shop").exists()


def _control_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores it, and children inherit that


def _read_until(terminal: int, words: bytes, *, press: bytes = b"") -> bytes:
    """Read until the words are printed; press the key, and again after silence: readline loses one before it waits."""
    printed, last = b"", time.monotonic() + 100
    os.write(terminal, press)
    while words not in printed:
        assert time.monotonic() < last, printed
        if select.select([terminal], [], [], 5)[0]:
            printed += os.read(terminal, 4096)
        else:
            os.write(terminal, press)
    return printed

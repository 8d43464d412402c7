"""How the program ends: what was promised for the end is done, what was printed is there, and the code is right."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml_platform.cli import main
from tests.worlds import write_shop

PROGRAM = str(Path(sys.executable).parent / "ml-platform")
LEAVE = "from ml_platform.cli.exit import leave\n"


def ended(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", LEAVE + code], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("code", [0, 1, 130])
def test_what_was_printed_is_written_and_the_code_is_kept(code: int) -> None:
    done = ended(f"print('x' * 100_000, end='')\nleave({code})")
    assert (done.returncode, len(done.stdout), done.stderr) == (code, 100_000, "")


def test_what_is_registered_for_the_end_is_done_the_last_first_and_may_print() -> None:
    done = ended(
        "import atexit, tempfile, pathlib\n"
        "folder = tempfile.TemporaryDirectory()\n"
        "atexit.register(lambda: print('first'))\n"
        "atexit.register(lambda: print('second'))\n"
        "print(folder.name)\n"
        "leave(0)"
    )
    name, *printed = done.stdout.splitlines()
    assert printed == ["second", "first"]
    assert not Path(name).exists()


def test_a_thread_that_is_at_work_ends_first() -> None:
    done = ended(
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.5), print('done'))).start()\nleave(3)"
    )
    assert (done.returncode, done.stdout) == (3, "done\n")


def test_a_thread_of_the_background_is_not_waited_for() -> None:
    done = ended(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\nleave(0)"
    )
    assert done.returncode == 0


@pytest.mark.parametrize("words", [["--help"], ["schema"]])
def test_a_full_disk_is_reported_and_no_success(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_who_leaves_early_is_no_traceback() -> None:
    with subprocess.Popen([PROGRAM, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_closed_streams_are_no_traceback() -> None:
    done = subprocess.run(["bash", "-c", '"$0" schema >&- 2>&-', PROGRAM], timeout=60)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "Give this user the right to read and write there, or name another folder."),
        (errno.EROFS, "Give this user the right to read and write there, or name another folder."),
        (errno.ENOSPC, "Make room, and do it again."),
        (errno.ECONNREFUSED, "Check that the server runs and that its address is right."),
    ],
)
def test_an_error_of_the_file_system_is_one_sentence(
    number: int, remedy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise OSError(number, os.strerror(number), "/data/shop/.ml_platform")

    monkeypatch.setattr(main, "app", refuse)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"/data/shop/.ml_platform: {os.strerror(number)}. {remedy}\n"


@pytest.mark.parametrize("command", ["run", "status", "verify", "plan"])
def test_a_state_folder_that_cannot_be_made_is_one_sentence(command: str, tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=1)
    (root / ".ml_platform").write_text("a file where the folder should be")
    done = subprocess.run([PROGRAM, command, str(root)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert ".ml_platform" in done.stderr


PROCESSES = {
    "from ml_platform.cli.main import program; program()": "status {}",
    "runpy.run_module('ml_platform_dagster.jobs.run', run_name='__main__', alter_sys=True)": "--job none --project {}",
}


@pytest.mark.parametrize("start", PROCESSES)
def test_no_collection_looks_through_all_that_the_imports_made(start: str, tmp_path: Path) -> None:
    """With the threshold of Python, `status` has two of them, and a process that only imports Dagster has five."""
    words = PROCESSES[start].format(write_shop(tmp_path, days=1)).split()
    counted = (
        "import atexit, gc, runpy, sys\n"
        "found = []\n"
        "gc.callbacks.append(lambda phase, about: found.append(phase) if about['generation'] == 2 else None)\n"
        "atexit.register(lambda: print(f'{len(found)} seen', file=sys.stderr))\n"
        f"sys.argv = ['ml-platform', *{words!r}]\n{start}"
    )
    done = subprocess.run([sys.executable, "-c", counted], capture_output=True, text=True, timeout=300)
    assert done.stderr.splitlines()[-1] == "0 seen"

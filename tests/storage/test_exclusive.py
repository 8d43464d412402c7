"""One process at a time holds a lock of a name, with SQLite and with PostgreSQL, and a killed one gives it back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ml_platform.storage.database import Database
from ml_platform.storage.exclusive import exclusive

HOLDER = """
import sys, time
from pathlib import Path
from ml_platform.storage.database import Database
from ml_platform.storage.exclusive import exclusive

with exclusive(Database(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], lambda: print("waits", flush=True)):
    print("holds", flush=True)
    time.sleep(60)
"""


def start(url: str, state: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, str(state), name], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
def test_a_second_process_waits_and_goes_on_when_the_first_is_killed(database_url: str, tmp_path: Path) -> None:
    first = start(database_url, tmp_path, "make_late")
    assert line_of(first) == "holds"
    second = start(database_url, tmp_path, "make_late")
    assert line_of(second) == "waits"
    end(first)
    assert line_of(second) == "holds"
    end(second)


@pytest.mark.slow
def test_locks_of_other_names_do_not_wait(database: Database, database_url: str, tmp_path: Path) -> None:
    with exclusive(database, tmp_path, "make_late"):
        other = start(database_url, tmp_path, "make_early")
        assert line_of(other) == "holds"
        end(other)


def test_the_lock_is_free_after_the_block_also_where_it_failed(database: Database, tmp_path: Path) -> None:
    waited: list[bool] = []
    for _ in range(2):
        try:
            with exclusive(database, tmp_path, "make_late", lambda: waited.append(True)):
                raise ValueError
        except ValueError:
            pass
    assert waited == []

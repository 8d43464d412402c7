"""Places of a limited action: counted once for all processes, on a disk and on a server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.storage.online.opened import open_places
from ml_platform.storage.online.places import Places
from tests.storage.online.servers import redis_server

MOST = 3000
TAKER = """
import sys
from pathlib import Path
from ml_platform.storage.online.opened import open_places
url, folder, name = sys.argv[1:]
places, most = open_places(url or None, Path(folder), name), 3000
print("ready", flush=True)
sys.stdin.readline()
while True:
    granted = 0
    def choose(mine, others):
        global granted
        granted = min(3, most - mine - others)
        return mine + granted
    places.take("model", "2024-03-01", "service", choose)
    if granted:
        print(granted, flush=True)
    else:
        break
"""


@pytest.fixture(params=["file", "redis"])
def where(request: Any, tmp_path: Path) -> tuple[str, str, str]:
    url = request.getfixturevalue("redis_url") if request.param == "redis" else ""
    return url, str(tmp_path), f"{request.node.name}-{os.getpid()}"


def opened(where: tuple[str, str, str]) -> Places:
    return open_places(where[0] or None, Path(where[1]), where[2])


def counts(places: Places, day: str = "2024-03-01") -> tuple[int, int]:
    """Return how many places the service and batch scoring have."""
    seen = []

    def look(mine: int, others: int) -> int:
        seen.append((mine, others))
        return mine

    places.take("model", day, "service", look)
    return seen[-1]


def begun(where: tuple[str, str, str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", TAKER, *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_counts_of_takers_and_days_are_apart(where: tuple[str, str, str]) -> None:
    places = opened(where)
    assert counts(places) == (0, 0)
    places.take("model", "2024-03-01", "service", lambda mine, others: mine + 4)
    places.take("model", "2024-03-01", "batch", lambda mine, others: 10 - others)
    places.take("model", "2024-03-01", "batch", lambda mine, others: 9 - others)
    assert counts(places) == counts(opened(where)) == (4, 5)
    assert counts(places, "2024-03-02") == (0, 0)
    places.take("other", "2024-03-01", "batch", lambda mine, others: 2)
    assert counts(places) == (4, 5)


def test_processes_together_take_every_place_once(where: tuple[str, str, str]) -> None:
    processes = [begun(where) for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    granted = [sum(map(int, process.communicate(timeout=120)[0].split())) for process in processes]
    assert sum(granted) == MOST
    assert counts(opened(where)) == (MOST, 0)


def test_a_process_that_is_killed_gives_no_place_twice(where: tuple[str, str, str]) -> None:
    printed = 0
    for number in range(6):
        process = begun(where)
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(0.003 * number)
        process.send_signal(signal.SIGKILL)
        printed += sum(map(int, process.communicate(timeout=60)[0].split()))
    taken, _ = counts(opened(where))
    assert printed <= taken <= printed + 3 * 6  # of each kill at most the places that were taken and not yet printed


def test_files_of_earlier_days_are_removed(tmp_path: Path) -> None:
    places = open_places(None, tmp_path, "any")
    for day in range(1, 8):
        places.take("model", f"2024-03-0{day}", "service", lambda mine, others: mine + 1)
        places.take("model_b", f"2024-03-0{day}", "service", lambda mine, others: mine + 1)
    kept = sorted(path.name for path in (tmp_path / "serving" / "places").iterdir())
    assert kept == [f"{name}.2024-03-0{day}" for name in ("model", "model_b") for day in (6, 7)]


def test_a_folder_that_cannot_be_written_is_an_error_and_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "serving").mkdir()
    (tmp_path / "serving" / "places").write_text("no folder")
    with pytest.raises(OnlineStoreUnavailable, match=r"cannot be counted in .*places"):
        open_places(None, tmp_path, "any").take("model", "2024-03-01", "service", lambda mine, others: mine + 1)


def test_a_server_that_is_gone_is_an_error() -> None:
    with redis_server() as url:
        places = open_places(url, Path(), "gone")
        places.take("model", "2024-03-01", "service", lambda mine, others: mine + 1)
    with pytest.raises(OnlineStoreUnavailable, match="Start the server"):
        places.take("model", "2024-03-01", "service", lambda mine, others: mine + 1)

"""Serving a project: both pages answer, and Ctrl-C ends all that was started, however often it is pressed."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.worlds import write_shop


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.server
def test_pressing_ctrl_c_twice_leaves_no_server_behind(tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    shop = write_shop(tmp_path / "shop", days=3)
    command = [str(Path(sys.executable).parent / "ml-platform"), "up", str(shop)]
    command += ["--port", str(ports[0]), "--mlflow-port", str(ports[1])]
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
    while "Ctrl-C stops both" not in (tmp_path / "said").read_text():
        assert process.poll() is None, (tmp_path / "said").read_text()
        time.sleep(0.3)
    assert not any(is_free(port) for port in ports)
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    assert process.wait(120) == 0
    assert all(is_free(port) for port in ports)
    assert (tmp_path / "said").read_text().rstrip().endswith("Stopped.")

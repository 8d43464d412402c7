"""Serving a project: both pages answer behind the guard, and every process ends, however `up` ends."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.cli.conftest import require_documented
from tests.up_server import all_gone, free_port, is_free, up
from tests.worlds import write_shop

JSON = {"Content-Type": "application/json"}
QUERY = b'{"query": "{ version }"}'
RELOAD = b'{"query": "mutation { reloadRepositoryLocation(repositoryLocationName: \\"shop\\") { __typename } }"}'


def status_of(url: str, body: bytes | None = None, **headers: str) -> int:
    """Return the status of an answer; underscores in the names of headers stand for hyphens."""
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, lines), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.mark.server
def test_both_servers_are_guarded_and_a_second_ctrl_c_ends_every_process(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=3)
    with up(root, tmp_path / "printed", "--json") as served:
        for url, api in ((served.dagster, "/graphql"), (served.mlflow, "/ajax-api/2.0/mlflow/experiments/search")):
            body = QUERY if api == "/graphql" else b'{"max_results": 1}'
            same_origin = {"Origin": url, "Sec_Fetch_Site": "same-origin"}
            other = f"http://127.0.0.1:{port_of(url) + 1}"
            assert status_of(f"{url}{api}", body, Content_Type="application/json", **same_origin) == 200
            assert status_of(f"{url}{api}", body, Content_Type="application/json", Host="evil.example") == 403
            assert status_of(f"{url}{api}", body, Content_Type="application/json", Host="10.evil.example") == 403
            assert status_of(f"{url}{api}", body, Content_Type="application/json", Origin=other) == 403
            assert status_of(f"{url}{api}", body, Content_Type="application/json", Origin="null") == 403
            assert status_of(f"{url}{api}", body, Content_Type="application/json", Sec_Fetch_Site="same-site") == 403
            assert status_of(f"{url}{api}", body, Content_Type="text/plain; application/json") == 415
            assert status_of(f"{url}{api}", b"", Content_Type="application/x-www-form-urlencoded") == 415
            assert status_of(f"{url}/graphql?query=%7Bversion%7D") == 405
            assert status_of(f"{url}/%67raphql?query=%7Bversion%7D") == 405
            assert status_of(f"{url}/graphql%0A?query=%7Bversion%7D") == 400
        [line] = [line for line in served.printed.splitlines() if line.startswith("{")]
        require_documented(("up",), line)
        addresses = {name: json.loads(line)[name] for name in ("dagster", "mlflow")}
        assert addresses == {"dagster": served.dagster, "mlflow": served.mlflow}
        reloaded = urllib.request.Request(f"{served.dagster}/graphql", RELOAD, JSON)
        with urllib.request.urlopen(reloaded, timeout=120) as answer:
            loaded = json.load(answer)["data"]["reloadRepositoryLocation"]["__typename"]
        assert loaded == "WorkspaceLocationEntry"
        started = served.servers()
        sockets = {connection.laddr for process in started for connection in process.net_connections("unix")}
        code = next(Path(str(path)) for path in sockets if str(path).endswith("/code"))
        assert stat.S_IMODE(code.parent.stat().st_mode) == 0o700  # whoever reaches the code server launches runs
        listening = [
            (connection.laddr.ip, connection.laddr.port)
            for process in started
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert sorted(listening) == sorted(("127.0.0.1", port_of(url)) for url in (served.dagster, served.mlflow))
        for _ in range(3):
            served.process.send_signal(signal.SIGINT)
            time.sleep(0.2)
        assert served.process.wait(120) == 0
    assert all_gone(started)
    assert not code.parent.exists()
    assert served.printed.rstrip().endswith("Stopped.")


@pytest.mark.server
def test_where_one_server_crashes_it_is_named_and_the_others_end(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", days=3)
    with up(root, tmp_path / "printed") as served:
        started = served.servers()
        daemon = next(process for process in started if "dagster._daemon" in process.cmdline())
        daemon.send_signal(signal.SIGKILL)
        assert served.process.wait(120) == 1
    assert "Dagster daemon ended by itself" in served.printed
    assert "dagster-daemon.log" in served.printed
    assert "Traceback" not in served.printed
    assert all_gone(started)


@pytest.mark.server
def test_where_up_itself_is_killed_its_servers_end_and_a_token_is_asked_for(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-of-the-tests\n")
    token.chmod(0o600)
    bearer = {"Authorization": "Bearer a-token-of-the-tests"}
    root = write_shop(tmp_path / "shop", days=3)
    with up(root, tmp_path / "printed", "--token-file", str(token)) as served:
        for url in (served.dagster, served.mlflow):
            assert status_of(f"{url}/") == 401
            assert status_of(f"{url}/?token=a-token-of-the-testz") == 401
            assert status_of(f"{url}/", None, **bearer) == 200
            assert status_of(f"{url}/?token=a-token-of-the-tests") in (200, 401)  # without a jar for its cookie
        started = served.servers()
        served.process.send_signal(signal.SIGKILL)
        served.process.wait(10)
        assert all_gone(started)
    assert is_free(port_of(served.dagster))
    assert is_free(port_of(served.mlflow))
    written = [path for path in (root / ".ml_platform").rglob("*") if path.is_file()]
    assert not [path for path in written if b"a-token-of-the-tests" in path.read_bytes()]


def refusal(*arguments: str) -> str:
    command = [str(Path(sys.executable).parent / "ml-platform"), "up", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_a_port_in_use_and_an_open_door_are_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = str(holder.getsockname()[1])
        message = refusal(str(tmp_path), "--port", taken)
        assert message.splitlines()[0] == (
            f"port {taken} for the Dagster UI is taken by another process. Give a free one with --port PORT."
        )
    message = refusal(str(tmp_path), "--port", str(free_port()), "--host", "0.0.0.0")
    assert message.startswith(
        "--host 0.0.0.0 is reached from other machines, and there is no token. Write a secret of at "
    )
    assert "--token-file FILE" in message

"""An MLflow that cannot be reached: records wait, and nothing waits for them."""

from __future__ import annotations

import io
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from ml_platform.cli.status import print_status
from ml_platform.reporting.mlflow.client import reachable
from ml_platform.reporting.mlflow.outbox import deliver, keep, track
from tests.reporting.mlflow.records import evaluated, project_at, trained

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
]  # MLflow's own models


def test_without_mlflow_a_record_waits_and_costs_little_time(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refused
        project = project_at(tmp_path, f"http://127.0.0.1:{closed.getsockname()[1]}")
        began = time.monotonic()
        delivery = track(project, trained(project))
    assert time.monotonic() - began < 5
    assert (delivery.delivered, delivery.waiting) == (0, 1)
    assert delivery.problem == f"MLflow at {project.mlflow_uri} cannot be reached"
    console = Console(width=300, file=io.StringIO())
    with console.capture() as shown:
        print_status(project, console)
    assert f"1 records for MLflow at {project.mlflow_uri} wait to be delivered." in shown.get()


def test_a_server_that_never_answers_costs_seconds(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        assert not reachable(f"http://127.0.0.1:{silent.getsockname()[1]}", patience_seconds=1)
    assert time.monotonic() - began < 4


class _Failing(BaseHTTPRequestHandler):
    """A server that answers every request with an error."""

    def _fail(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = _fail  # noqa: N815 - names of the base class

    def log_message(self, format: str, *args: object) -> None: ...


def test_a_server_that_answers_each_request_with_an_error_costs_seconds_however_many_records_wait(
    tmp_path: Path,
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Failing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    project = project_at(tmp_path, f"http://127.0.0.1:{server.server_port}")
    for number in range(30):
        keep(project, evaluated(key=f"{number:064d}"))
    began = time.monotonic()
    delivery = deliver(project)
    server.shutdown()
    server.server_close()
    assert time.monotonic() - began < 30
    assert (delivery.delivered, delivery.waiting) == (0, 30)
    assert "500" in (delivery.problem or "")


@pytest.mark.parametrize("uri", ["postgresql+psycopg://ada@127.0.0.1:{port}/x", "nodriver+x://ada@127.0.0.1:{port}/x"])
def test_a_database_of_mlflow_that_cannot_be_opened_is_not_reachable(uri: str) -> None:
    with socket.socket() as bound:  # bound, and nothing listens
        bound.bind(("127.0.0.1", 0))
        assert not reachable(uri.format(port=bound.getsockname()[1]))

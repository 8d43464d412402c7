"""What ``up`` accepts: addresses, names and tokens, checked before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_platform.cli.serve_ui import PortTaken, Serving
from ml_platform.core.web.access import NameNeeded, TokenNeeded, WeakToken
from tests.up_server import free_port


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ML_PLATFORM_TOKEN", raising=False)


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef")
    file.chmod(0o600)
    return file


def test_on_loopback_only_its_names_with_the_port_are_accepted() -> None:
    port, other = free_port(), free_port()
    serving = Serving.checked(port, other, "127.0.0.1")
    assert serving.access(port).hosts == {f"127.0.0.1:{port}", f"localhost:{port}"}
    assert serving.url(port) == f"http://127.0.0.1:{port}"


def test_other_machines_need_a_token_and_a_name(token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port, other = free_port(), free_port()
    for host in ("0.0.0.0", "::", "factory.example"):
        with pytest.raises(TokenNeeded, match="--token-file FILE"):
            Serving.checked(port, other, host)
    with pytest.raises(NameNeeded, match="--host-name NAME"):
        Serving.checked(port, other, "0.0.0.0", token_file=token)
    serving = Serving.checked(port, other, "0.0.0.0", ["factory.example"], token)
    assert {f"factory.example:{port}", "factory.example", f"127.0.0.1:{port}"} <= serving.access(port).hosts
    assert (serving.url(port), serving.probe(port)) == (f"http://factory.example:{port}", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("ML_PLATFORM_TOKEN", "short")
    with pytest.raises(WeakToken, match="has 5 characters"):
        Serving.checked(port, other, "127.0.0.1")


def test_two_servers_do_not_share_a_port() -> None:
    port = free_port()
    with pytest.raises(PortTaken, match="--mlflow-port"):
        Serving.checked(port, port, "127.0.0.1")

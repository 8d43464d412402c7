"""The doctor finds each planted fault, and says what to do."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

import ml_platform.cli.main  # noqa: F401  (it gives the app its commands)
from ml_platform.cli.app import app
from ml_platform.project import open_project
from ml_platform.reporting.doctor import PORTS, Checked, check_up
from ml_platform.sources.ingest import ingest_source
from tests.worlds import write_shop


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_shop(tmp_path / "shop", days=2)


def checks(directory: Path, now: datetime | None = None) -> Mapping[str, Checked]:
    return {item.name: item for item in check_up(directory, now or datetime.now(UTC))}


def declare(shop: Path, text: str) -> None:
    file = shop / "project.yaml"
    file.write_text(f"{file.read_text()}{text}\n")


def test_a_sound_project_passes_every_check(shop: Path) -> None:
    results = checks(shop)
    assert [item for item in results.values() if not item.ok] == []
    assert {"python", "dagster", "disk", "permissions", "database", "clock", "mlflow server"} <= results.keys()


def test_a_wrong_declaration_is_named_and_the_rest_is_not_asked(shop: Path) -> None:
    declare(shop, "curency: USD")
    results = checks(shop)
    assert (results["declarations"].ok, results["declarations"].remedy) == (False, "ml-platform validate lists them.")
    assert "database" not in results


def test_a_database_that_cannot_be_opened_is_named(shop: Path) -> None:
    declare(shop, "storage: {database: 'sqlite:////nowhere/at/all/platform.sqlite'}")
    results = checks(shop)["database"]
    assert not results.ok
    assert results.remedy == "Or name another one in storage.database of project.yaml."


def test_a_tracking_server_that_does_not_answer_is_named(shop: Path) -> None:
    declare(shop, "storage: {mlflow: 'http://127.0.0.1:9'}")  # the port that discards, and nothing listens
    assert checks(shop)["mlflow server"].result == "http://127.0.0.1:9 does not answer"


def test_a_clock_that_is_before_the_last_ingest_is_named(shop: Path) -> None:
    project = open_project(shop)
    ingest_source(project, "orders", project.clock.now() + timedelta(days=2))
    results = checks(shop)["clock"]
    assert not results.ok
    later = project.clock.now() + timedelta(days=2)
    assert f"is before the last ingest ({later:%Y-%m-%d %H:%M:%S})" in results.remedy


def test_a_full_disk_is_named(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_platform.reporting.doctor.shutil.disk_usage", lambda place: SimpleNamespace(free=5e8))
    assert checks(shop)["disk"] == Checked("disk", False, "0.5 GB free", "Free 2 GB, or move storage.state.")


@pytest.mark.parametrize("wrong", [datetime(2019, 1, 1, tzinfo=UTC), datetime.now(UTC) - timedelta(days=3)])
def test_a_late_clock_is_noticed(shop: Path, wrong: datetime) -> None:
    checks(shop)  # makes the state folder, with files of today
    result = checks(shop, wrong)["clock"]
    assert (result.ok, result.remedy) == (False, "Set the machine's clock, such as with NTP.")
    reason = "this version of the platform was made" if wrong.year < 2026 else f"{shop}/.ml_platform/"
    assert f"{wrong:%Y-%m-%d %H:%M} UTC is before {reason}" in result.result


def test_an_old_python_is_named(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    assert checks(shop)["python"].remedy == "Install Python 3.11, 3.12 or 3.13."


def test_a_folder_of_the_state_that_every_user_can_write_is_named(shop: Path) -> None:
    reports = shop / ".ml_platform/reports"
    reports.mkdir(parents=True)
    assert checks(shop)["permissions"].ok
    reports.chmod(0o777)
    results = checks(shop)["permissions"]
    assert (results.ok, results.result, results.remedy) == (
        False,
        f"every user can write to {reports}",
        f"chmod o-w {reports}",
    )


def test_a_port_that_is_taken_is_named_with_the_option_for_another_one(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken, socket.socket() as other:
        for server in (taken, other):
            server.bind(("127.0.0.1", 0))
        used, free = taken.getsockname()[1], other.getsockname()[1]
        other.close()
        ports = {used: "up --port PORT", free: "serve --port PORT"}
        monkeypatch.setattr("ml_platform.reporting.doctor.PORTS", ports)
        result = checks(shop)["ports"]
    assert (result.ok, result.result) == (True, f"{used} is taken")
    assert result.remedy.endswith(": ml-platform up --port PORT.")


def test_the_ports_are_the_defaults_of_the_commands() -> None:
    program: Any = typer.main.get_command(app)
    defaults = {
        int(option.default): f"{name} {option.opts[0]} PORT"
        for name in ("up", "serve")
        for option in program.commands[name].params
        if option.opts[0] in ("--port", "--mlflow-port")
    }
    assert defaults == PORTS


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("ml_platform.reporting.doctor.version", missing)
    result = checks(shop)["mlflow"]
    assert (result.ok, result.result, result.remedy) == (False, "not installed", "pip install mlflow")


def test_a_state_folder_that_cannot_be_written_is_named(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = shop / ".ml_platform"
    state.mkdir()
    monkeypatch.setattr("ml_platform.reporting.doctor.os.access", lambda path, mode: path != state)  # root may write
    result = checks(shop)["permissions"]
    assert (result.ok, result.result) == (False, f"{state} not writable")
    assert (
        result.remedy == f"Give this user the right to read and write {state}, or name another folder in storage.state."
    )

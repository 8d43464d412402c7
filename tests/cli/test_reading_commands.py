"""`drift`, `alerts` and `open`: what they print for a person and for a program."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.cli.alerts import show_alerts
from ml_platform.cli.arguments import UsageError
from ml_platform.cli.drift import show_drift
from ml_platform.cli.open_page import find_place, has_browser, open_page
from ml_platform.cli.served_addresses import served_addresses, serving_at
from ml_platform.core.errors import UnknownModel
from ml_platform.operations.alerts import Alert, send_alert
from ml_platform.project import Project
from ml_platform.reporting.overview import drift_columns
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.outputs import record_output
from tests.reporting.drift_column import drift_column
from tests.shop_project import open_shop

NOW = datetime(2024, 3, 1, tzinfo=UTC)
MODEL = "late_parcel"
UP = {
    "dagster": "http://127.0.0.1:3000",
    "mlflow": "http://127.0.0.1:5000",
    "pages": "http://127.0.0.1:3000/pages/site/index.html",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A shop whose monitoring has three columns, as its manifest holds them."""
    project = open_shop(tmp_path / "shop")
    about = MonitoringManifest(
        model=MODEL,
        at="2024-03-01T00:00:00.000000Z",
        verdict="drift",
        reason="1 of 3 columns drifted, 1 did not, no verdict for 1",
        version=1,
        window={"start": "2024-02-20T00:00:00.000000Z", "end": "2024-03-01T00:00:00.000000Z"},
        rows=1234,
        columns=(
            drift_column("orders.items", "drifted"),
            drift_column("orders.amount", "not drifted", what="level", expected=0.5, threshold=0.06, mean=0.53),
            drift_column("orders.city", "inconclusive", what="share of Rome", threshold=None, mean=0.07),
        ),
    )
    made = project.store.write("monitoring", "ab" * 32, "cd" * 32, about=about.as_json())
    record_output(project.database, f"{MODEL}/monitoring", "monitoring", made.id, run="r", at=NOW)
    return project


def test_each_column_is_shown_beside_its_usual_range(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    show_drift(project.root, MODEL, everything=False, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"{MODEL}: 1 of 3 columns drifted, 1 did not, no verdict for 1"
    assert lines[2].startswith("1,234 predictions from 2024-02-20 00:00 to 2024-03-01 00:00 UTC")
    assert [line.split("\t")[:5] for line in lines[5:]] == [
        ["orders.items", "drifted", "share missing", "0 % to 7.0 %", "16.4 %"],
        ["orders.amount", "not drifted", "mean rank", "0.44 to 0.56", "0.53"],
        ["orders.city", "inconclusive", "share of Rome", "no limit", "7.0 %"],
    ]
    assert lines[5].split("\t")[5] == "missing 2.0 % -> 7.0 %"


def test_drift_names_how_important_the_columns_that_drifted_are(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    importances = {"orders.items": 0.125, "orders.amount": 0.5, "orders.city": 0.375}
    monkeypatch.setattr(drift_columns, "model_importances", lambda *about: importances)
    show_drift(project.root, MODEL, everything=False, as_json=False)
    assert "The columns that drifted have 12.5 % of the importance of all features." in capsys.readouterr().out


def test_a_program_reads_the_counts_and_the_columns(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    show_drift(project.root, None, everything=False, as_json=True)
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert model["counts"] == {"drifted": 1, "steady": 1, "undecided": 1}
    first = model["columns"][0]
    assert (first["column"], first["low"], first["high"], first["now"]) == ("orders.items", 0.0, 0.07, 0.164)


def test_a_model_without_monitoring_and_one_that_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = open_shop(tmp_path / "shop")
    show_drift(shop.root, MODEL, everything=True, as_json=False)
    assert capsys.readouterr().out.strip() == f"{MODEL}: not monitored yet"
    with pytest.raises(UnknownModel, match=f"Did you mean {MODEL}"):
        show_drift(shop.root, "late_parcels", everything=True, as_json=False)


def test_alerts_are_listed_newest_first_up_to_the_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = open_shop(tmp_path / "shop")
    show_alerts(shop.root, 20, as_json=False)
    assert "has alerted about nothing" in capsys.readouterr().out
    for day in range(3):
        alert = Alert(f"key {day}", f"title {day}", f"body {day}", "ticket", MODEL, next_step=f"step {day}")
        send_alert(shop, alert, NOW + timedelta(days=day))
    show_alerts(shop.root, 2, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "at (UTC)\tseverity\twhat\tnext step",
        "2024-03-03 00:00\tticket\ttitle 2. body 2\tstep 2",
        "2024-03-02 00:00\tticket\ttitle 1. body 1\tstep 1",
        "older ones: --limit 20",
    ]
    show_alerts(shop.root, 5, as_json=True)
    assert [alert["key"] for alert in json.loads(capsys.readouterr().out)["alerts"]] == ["key 2", "key 1", "key 0"]


def test_the_page_is_a_file_until_it_is_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = open_shop(tmp_path / "shop")
    open_page(shop.root, MODEL, "page", print_only=True, as_json=False)
    address = capsys.readouterr().out.strip()
    assert address == (shop.state / f"site/models/{MODEL}.html").resolve().as_uri()
    assert (shop.state / f"site/models/{MODEL}.html").exists()
    assert find_place(shop, MODEL, "page", UP).address == f"{UP['dagster']}/pages/site/models/{MODEL}.html"
    assert find_place(shop, None, "page", UP).address == UP["pages"]
    assert find_place(shop, None, "mlflow", UP).address == f"{UP['mlflow']}/#/experiments?workflowType=machine_learning"
    with pytest.raises(UsageError, match="nothing serves dagster for shop now"):
        open_page(shop.root, None, "dagster", print_only=True, as_json=False)


def test_addresses_are_known_only_while_the_servers_run(tmp_path: Path) -> None:
    shop = open_shop(tmp_path / "shop")
    assert served_addresses(shop) is None
    with serving_at(shop, UP):
        assert served_addresses(shop) == UP
    assert served_addresses(shop) is None
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    (shop.state / "served.json").write_text(json.dumps({"process": child, **UP}))  # `up` was killed
    assert served_addresses(shop) is None


@pytest.mark.parametrize(
    ("platform", "environment", "opens"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"BROWSER": "firefox"}, True),
        ("linux", {"DISPLAY": ""}, False),
        ("darwin", {}, True),
        ("win32", {}, True),
    ],
)
def test_a_browser_needs_a_display_on_linux(platform: str, environment: dict[str, str], opens: bool) -> None:
    assert has_browser(platform, environment) is opens

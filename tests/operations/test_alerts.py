"""An alert is said once, kept durably, and a service that is down costs a bounded time and nothing else."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ml_platform.declarations.project import ProjectFile, ProjectSpec
from ml_platform.operations.alerts import Alert, Sent, alerts_log, recent_alerts, send_alert, sent_text
from ml_platform.project import Project

NOW = datetime(2024, 3, 1, tzinfo=UTC)
ALERT = Alert(
    key="drift/late_parcel/1",
    title="late_parcel: the data has drifted",
    body="1 of 8 columns drifted over the last 3 days.",
    severity="ticket",
    model="late_parcel",
    facts={"PSI of orders.amount": 0.41},
    link="file:///reports/late_parcel.html",
    next_step="Look at the report; a retraining run was requested.",
)


class Service:
    """A web hook on loopback that remembers what it was sent."""

    def __init__(self, status: int = 200, delay_seconds: float = 0.0) -> None:
        received: list[dict[str, Any]] = []
        service, self.status = self, status

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(delay_seconds)
                received.append(json.loads(body))
                self.send_response(service.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.received = received
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"json://user:secret@127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


def project_with(root: Path, *alerts: str) -> Project:
    file = ProjectFile.model_validate(
        {
            "spec_version": 1,
            "name": "shop",
            "description": "A shop.",
            "owner": "team:shop",
            "currency": "EUR",
            "entities": {"order": ["order_id"]},
            "alerts": list(alerts),
        }
    )
    return Project(ProjectSpec(root, file, {}, {}, {}))


def logged(project: Project) -> list[dict[str, Any]]:
    return [json.loads(line) for line in alerts_log(project).read_text().splitlines()]


def test_an_alert_reaches_the_service_with_facts_next_step_and_link(tmp_path: Path, service: Service) -> None:
    sent = send_alert(project_with(tmp_path, service.url), ALERT, NOW)
    assert sent == Sent(new=True, delivered=("alerts[0] (json)",))
    (received,) = service.received
    assert (received["title"], received["type"]) == (ALERT.title, "warning")
    assert received["message"] == (
        "1 of 8 columns drifted over the last 3 days.\nPSI of orders.amount: 0.41\n"
        "Next: Look at the report; a retraining run was requested.\nfile:///reports/late_parcel.html"
    )


def test_without_services_the_log_file_has_every_alert(tmp_path: Path) -> None:
    project = project_with(tmp_path)
    assert send_alert(project, ALERT, NOW) == Sent(new=True)
    assert send_alert(project, replace(ALERT, key="other", severity="page"), NOW + timedelta(hours=1)).new
    first, second = logged(project)
    assert (first["at"], first["key"], first["severity"]) == ("2024-03-01T00:00:00.000000Z", ALERT.key, "ticket")
    assert first["facts"] == {"PSI of orders.amount": 0.41}
    assert (second["key"], second["severity"]) == ("other", "page")


def test_one_key_alerts_once(tmp_path: Path, service: Service) -> None:
    project = project_with(tmp_path, service.url)
    assert send_alert(project, ALERT, NOW).new
    for hours in range(1, 4):
        assert send_alert(project, ALERT, NOW + timedelta(hours=hours)) == Sent(new=False)
    assert len(service.received) == 1
    assert len([line for line in logged(project) if "title" in line]) == 1


def test_the_same_alert_from_many_threads_is_sent_once(tmp_path: Path, service: Service) -> None:
    project = project_with(tmp_path, service.url)
    project.database  # noqa: B018  opened before the race
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(send_alert(project, ALERT, NOW).new)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]
    assert len(service.received) == 1


def test_a_dead_service_is_recorded_and_the_living_one_is_reached(tmp_path: Path, service: Service) -> None:
    refusing = Service(status=500)
    closed = Service()
    closed.close()
    project = project_with(tmp_path, closed.url, service.url, refusing.url, "nonsense://x", "not a url")
    sent = send_alert(project, ALERT, NOW)
    refusing.close()
    assert sent.delivered == ("alerts[1] (json)",)
    assert sent.undelivered == {
        "alerts[0] (json)": "the service refused it or could not be reached",
        "alerts[2] (json)": "the service refused it or could not be reached",
        "alerts[3] (nonsense)": "not a URL that apprise understands",
        "alerts[4] (not a url)": "not a URL that apprise understands",
    }
    assert logged(project)[1]["undelivered"] == sent.undelivered
    assert recent_alerts(project)[0]["delivery"]["undelivered"] == sent.undelivered


def test_an_alert_that_is_raised_twice_reaches_the_service_that_refused_it_and_no_other(tmp_path: Path) -> None:
    broken, whole = Service(status=500), Service()
    project = project_with(tmp_path, broken.url, whole.url)
    assert send_alert(project, ALERT, NOW).delivered == ("alerts[1] (json)",)
    broken.status = 200
    assert send_alert(project, ALERT, NOW) == Sent(new=False, delivered=("alerts[0] (json)",))
    assert send_alert(project, ALERT, NOW) == Sent(new=False)
    assert (len(broken.received), len(whole.received)) == (2, 1)
    assert recent_alerts(project)[0]["delivery"] == {
        "delivered": ["alerts[1] (json)", "alerts[0] (json)"],
        "undelivered": {},
        "attempts": 2,
    }
    for service in (broken, whole):
        service.close()


def test_an_alert_whose_process_was_killed_while_it_sent_is_sent_when_it_is_next_raised(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> NoReturn:
        raise SystemExit(9)

    project = project_with(tmp_path, service.url)
    with monkeypatch.context() as patched:
        patched.setattr("ml_platform.operations.alerts._deliver", killed)
        with pytest.raises(SystemExit):
            send_alert(project, ALERT, NOW)
    assert send_alert(project, ALERT, NOW + timedelta(minutes=1)) == Sent(new=False), "it may still be sending"
    sent = send_alert(project, ALERT, NOW + timedelta(minutes=6))
    assert (sent.delivered, len(service.received)) == (("alerts[0] (json)",), 1)
    assert send_alert(project, ALERT, NOW + timedelta(hours=9)) == Sent(new=False)
    assert recent_alerts(project)[0]["delivery"] == {
        "delivered": ["alerts[0] (json)"],
        "undelivered": {},
        "attempts": 2,
    }


def test_a_service_that_never_takes_an_alert_is_tried_five_times(tmp_path: Path) -> None:
    broken = Service(status=500)
    project = project_with(tmp_path, broken.url)
    refused = {"alerts[0] (json)": "the service refused it or could not be reached"}
    outcomes = [send_alert(project, ALERT, NOW) for _ in range(8)]
    broken.close()
    assert outcomes == [Sent(new=True, undelivered=refused), *[Sent(new=False, undelivered=refused)] * 7]
    assert len(broken.received) == 5
    assert sent_text(outcomes[-1]) == (
        "Sent: no service took it; it is in the log of alerts.\n"
        "Not sent to alerts[0] (json): the service refused it or could not be reached."
    )


def test_a_service_that_never_answers_costs_a_bounded_time(tmp_path: Path) -> None:
    silent = Service(delay_seconds=20)
    project = project_with(tmp_path, silent.url, silent.url)
    send_alert(project, replace(ALERT, key="warm"), NOW, patience_seconds=0.01)
    started = time.monotonic()
    sent = send_alert(project, ALERT, NOW, patience_seconds=0.5)
    assert time.monotonic() - started < 3
    assert sent.undelivered == {
        "alerts[0] (json)": "no answer within 0.5 s",
        "alerts[1] (json)": "no answer within 0.5 s",
    }
    silent.close()


def test_no_secret_of_a_url_is_written_down(tmp_path: Path) -> None:
    project = project_with(tmp_path, "json://user:secret@127.0.0.1:9/hook?+x-token=hidden", "bad://secret/hidden")
    send_alert(project, ALERT, NOW)
    written = alerts_log(project).read_text() + json.dumps(recent_alerts(project))
    assert "undelivered" in written
    assert "secret" not in written
    assert "hidden" not in written


def test_recent_alerts_come_newest_first(tmp_path: Path) -> None:
    project = project_with(tmp_path)
    for number in range(4):
        send_alert(project, replace(ALERT, key=f"k{number}"), NOW + timedelta(hours=number))
    alerts = recent_alerts(project, limit=2)
    assert [alert["key"] for alert in alerts] == ["k3", "k2"]
    assert alerts[0]["at"] == "2024-03-01T03:00:00.000000Z"
    assert alerts[0]["delivery"] is None

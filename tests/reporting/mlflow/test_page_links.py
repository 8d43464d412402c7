"""Links between MLflow and the site hold no port, and lead to where the other one is served now."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from ml_platform.project import Project
from ml_platform.reporting.mlflow.client import open_client
from ml_platform.reporting.mlflow.link_answers import PageLinks
from ml_platform.reporting.mlflow.outbox import track
from ml_platform.reporting.mlflow.page_links import run_address
from ml_platform.reporting.mlflow.records import deployment_record
from ml_platform.reporting.mlflow.runs import TrackedRun, tracked_run
from ml_platform.storage.versions import Version
from ml_platform_dagster.jobs.mlflow_route import mlflow_route
from tests.reporting.mlflow.test_runs import project_at, trained

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
]  # MLflow's own models
RUN = "0123456789abcdef" * 2


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_at(tmp_path / "project")


def site() -> ASGIApp:
    return Starlette(routes=[mlflow_route()])


def mlflow() -> ASGIApp:
    route = Route("/{path:path}", lambda request: PlainTextResponse(f"MLflow at {request.url.path}"))
    return PageLinks(Starlette(routes=[route]))


def asked(app: ASGIApp, path: str) -> httpx.Response:
    """Return what an app answers to a browser that follows a link."""

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:3000") as client:
            return await client.get(path)

    return asyncio.run(answer())


def test_a_run_has_a_page_link_without_a_port_and_steps_of_its_curve(project: Project) -> None:
    curve = {"train.log_loss": [(1, 0.6), (5, 0.5), (9, 0.45)]}
    tags = {"ml_platform.version": "1"}
    record = trained(project, description="**late_parcel@1**: trained.", curves=curve, tags=tags)
    track(project, record)
    client, link = open_client(project), tracked_run(project.database, "late_parcel", "a" * 64)
    assert link is not None
    history = client.get_metric_history(link.run_id, "train.log_loss")
    assert [(item.step, item.value) for item in history] == [(1, 0.6), (5, 0.5), (9, 0.45)]
    note = client.get_run(link.run_id).data.tags["mlflow.note.content"]
    assert note == "**late_parcel@1**: trained.\n\n[Page of late_parcel](/open/page/late_parcel)"
    (registered,) = client.search_registered_models()
    (version,) = client.search_model_versions(f"name = '{registered.name}'")
    for text in (registered.description, version.description):
        assert text.endswith("[Page of late_parcel](/open/page/late_parcel)")


def test_a_tracking_server_of_others_has_its_whole_address_and_no_link_to_pages(tmp_path: Path) -> None:
    project = project_at(tmp_path / "project", "https://user:secret@mlflow.example.com")
    assert run_address(project, TrackedRun("7", RUN)) == (
        f"https://mlflow.example.com/#/experiments/7/runs/{RUN}?workflowType=machine_learning"
    )


def test_links_follow_the_ports_of_today(monkeypatch: pytest.MonkeyPatch, project: Project) -> None:
    link = run_address(project, TrackedRun("7", RUN))
    for port in (5000, 5001):
        monkeypatch.setenv("ML_PLATFORM_MLFLOW_UI", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("ML_PLATFORM_SITE_ADDRESS", f"http://127.0.0.1:{port}/pages/site")
        answer = asked(site(), link)
        assert answer.headers["location"] == (
            f"http://127.0.0.1:{port}/#/experiments/7/runs/{RUN}?workflowType=machine_learning"
        )
        page = asked(mlflow(), "/open/page/late_parcel")
        assert page.headers["location"] == f"http://127.0.0.1:{port}/pages/site/models/late_parcel.html"


@pytest.mark.parametrize("path", [f"/open/mlflow/7/{RUN}x", f"/open/mlflow/a/{RUN}"])
def test_a_path_that_names_no_run_leads_nowhere(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("ML_PLATFORM_MLFLOW_UI", "http://127.0.0.1:5000")
    assert asked(site(), path).status_code == 404


@pytest.mark.parametrize("path", ["/open/page/..%2fx", "/open/page//evil.example", "/open/page/Late", "/"])
def test_mlflow_answers_every_other_path_itself(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("ML_PLATFORM_SITE_ADDRESS", "http://127.0.0.1:3000/pages/site")
    assert asked(mlflow(), path).text.startswith("MLflow at /")


def test_a_link_without_up_names_what_to_start() -> None:
    assert "Start it" in asked(mlflow(), "/open/page/late_parcel").text
    assert "Start it" in asked(site(), f"/open/mlflow/7/{RUN}").text


def test_the_description_of_a_deployed_version_has_its_gates_in_words() -> None:
    at = datetime(2024, 3, 1, tzinfo=UTC)
    record = deployment_record(Version("late", 1, "a" * 64, "b" * 64, at), at, "auc is 0.72, the gate needs >= 0.65")
    assert record.description == "**late@1** was deployed on 2024-03-01: auc 0.72, required: at least 0.65"

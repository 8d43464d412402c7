"""The address of a picture: the web server answers with the bytes of the store, and with nothing else of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from ml_platform.project import Project, open_project
from ml_platform.storage.artifact_kinds.pictures import PicturesManifest
from ml_platform_dagster.jobs.picture_route import picture_route
from tests.worlds import write_shop

SVG, PNG = b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return open_project(write_shop(tmp_path_factory.mktemp("pictures") / "shop", days=1))


@pytest.fixture(scope="module")
def id(project: Project) -> str:
    store = project.store
    objects = {"gain": store.put(SVG), "large": store.put(PNG)}
    return store.add(PicturesManifest(), "key", objects=objects, inputs={"evaluation": "e" * 64}).id


@dataclass
class Client:
    """A browser that asks for one address at a time."""

    app: Starlette

    def get(self, path: str) -> httpx.Response:
        async def answer() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.get(path)

        return asyncio.run(answer())


@pytest.fixture
def client(project: Project) -> Client:
    return Client(Starlette(routes=[picture_route(lambda: project)]))


@pytest.mark.parametrize(
    ("name", "content", "kind"), [("gain.svg", SVG, "image/svg+xml"), ("large.png", PNG, "image/png")]
)
def test_a_picture_is_answered_by_the_id_of_its_artifact(
    client: Client, id: str, name: str, content: bytes, kind: str
) -> None:
    artifact = client.get(f"/pages/pictures/{id}/{name}")
    assert (artifact.status_code, artifact.content, artifact.headers["content-type"]) == (200, content, kind)


@pytest.mark.parametrize(
    "path", ["{id}/other.svg", "{id}/gain", "0{id}/gain.svg", "%2e%2e%2f{id}/gain.svg", "{zeros}/gain.svg"]
)
def test_what_is_no_picture_is_answered_with_404(client: Client, id: str, path: str) -> None:
    assert client.get(f"/pages/pictures/{path.format(id=id, zeros='0' * 64)}").status_code == 404


def test_an_object_of_another_artifact_has_no_address(client: Client, project: Project) -> None:
    stored = project.store.put(b"rows of a person")
    other = project.store.write("snapshot", "5" * 64, "other key", objects={"gain": stored})
    assert client.get(f"/pages/pictures/{other.id}/gain.svg").status_code == 404
    assert client.get(f"/pages/pictures/{stored.sha256}/gain.svg").status_code == 404


def test_damaged_bytes_are_not_shown(client: Client, project: Project) -> None:
    stored = project.store.put(b"<svg>before</svg>")
    kept = project.store.add(PicturesManifest(), "damaged", objects={"gain": stored}, inputs={"evaluation": "d" * 64})
    (path,) = Path(project.state / "store/objects").rglob(stored.sha256)
    path.chmod(0o600)
    path.write_bytes(b"<svg>after</svg>")
    artifact = client.get(f"/pages/pictures/{kept.id}/gain.svg")
    assert (artifact.status_code, b"after" in artifact.content) == (404, False)

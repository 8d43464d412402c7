"""The real web server with its daemon: an asset is materialized through GraphQL as the UI does, and read back."""

from __future__ import annotations

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import chromium
from tests.page_faults import open_as, page_faults
from tests.up_server import up

pytestmark = pytest.mark.server

LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PipelineNotFoundError { message }
    ... on InvalidSubsetError { message }
  }
}
"""
STATUS = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
NODE = """
query Node($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      groupName
      staleStatus
      assetMaterializations {
        runId
        metadataEntries { label ... on TextMetadataEntry { text } ... on IntMetadataEntry { intValue } }
      }
    }
  }
}
"""


@pytest.fixture(scope="module")
def server(made_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The shop after its first run, with one delivery more, served as ``ml-platform up`` does."""
    root = tmp_path_factory.mktemp("served") / "shop"
    shutil.copytree(made_shop, root)
    with (root / "data/deliveries.csv").open("a") as file:
        file.write("o999999,courier_a,2024-02-01T00:00:00Z,3.0\n")
    with up(root, root.parent / "printed") as started:
        yield started.dagster


def ask(server: str, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{server}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        loaded = json.load(answer)
    assert "errors" not in loaded, loaded["errors"]
    return loaded["data"]


def launch(server: str, job: str, *assets: str, tags: dict[str, str] | None = None) -> str:
    """Launch a run as the UI's button does, wait until it has succeeded, and return its id."""
    selector = {
        "repositoryLocationName": "shop",
        "repositoryName": "__repository__",
        "pipelineName": job,
        "assetSelection": [{"path": name.split("/")} for name in assets],
        "assetCheckSelection": None,
    }
    execution = {"tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]}
    params = {"mode": "default", "executionMetadata": execution, "runConfigData": {}, "selector": selector}
    launched = ask(server, LAUNCH, params=params)["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run = launched["run"]["runId"]
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        status = ask(server, STATUS, id=run)["runOrError"]["status"]
        if status == "SUCCESS":
            return str(run)
        assert status not in ("FAILURE", "CANCELED"), f"run {run}: {status}"
        time.sleep(0.5)
    raise AssertionError(f"run {run} did not end")


def test_an_asset_is_materialized_by_a_click_and_its_result_is_read_back(server: str) -> None:
    run = launch(server, "__ASSET_JOB", "sources/deliveries", "features/courier_recent")
    deliveries = ask(server, NODE, key={"path": ["sources", "deliveries"]})["assetNodeOrError"]
    made = next(actual for actual in deliveries["assetMaterializations"] if actual["runId"] == run)
    artifact = {entry["label"]: entry.get("text", entry.get("intValue")) for entry in made["metadataEntries"]}
    assert artifact["dagster/row_count"] == 2351  # one more than the factory's first run read
    assert len(artifact["id"].replace(" ", "")) == 64
    table = ask(server, NODE, key={"path": ["features", "courier_recent"]})["assetNodeOrError"]
    assert run in [actual["runId"] for actual in table["assetMaterializations"]]
    assert (table["groupName"], table["staleStatus"]) == ("features", "FRESH")


def test_a_day_is_chosen_and_scored_by_a_click_with_all_that_it_needs(server: str) -> None:
    days = (
        "query Days($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { partitionKeys } } }"
    )
    predictions = {"path": ["late_parcel", "predictions"]}
    assert ask(server, days, key=predictions)["assetNodeOrError"]["partitionKeys"] == ["2024-03-01"]
    assets = ["late_parcel/predictions", "late_parcel/monitoring"]
    run = launch(server, "score_late_parcel", *assets, tags={"dagster/partition": "2024-03-01"})
    made = ask(server, NODE, key=predictions)["assetNodeOrError"]["assetMaterializations"]
    assert run in [actual["runId"] for actual in made]


def look(address: str) -> tuple[int, str, str]:
    """Return status, text and policy of a page."""
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.status, answer.read().decode(), answer.headers["Content-Security-Policy"]
    except urllib.error.HTTPError as error:
        return error.code, "", ""


def test_the_site_is_served_without_scripts_and_anything_else_is_answered_with_404(server: str) -> None:
    deadline = time.monotonic() + 120
    while (served := look(f"{server}/pages/site/"))[
        0
    ] == 404:  # a process of its own writes it after the servers answer
        assert time.monotonic() < deadline, "the site was not written"
        time.sleep(1)
    code, page, policy = served
    assert code == 200
    assert "What needs a person" in page
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    model = f"{server}/pages/site/models/late_parcel.html"
    assert "late_parcel" in look(model)[1]
    assert "<script" not in page + look(model)[1]
    assert "window.catalogEntries" in look(f"{server}/pages/site/search-index.js")[1]
    with chromium() as browser:
        open_as(browser, model, "light")
        assert page_faults(browser) == []
    assert look(f"{server}/pages/nothing.html")[0] == 404

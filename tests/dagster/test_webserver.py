"""The real web server with its daemon: an asset is materialised through GraphQL as the UI does, and read back."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_platform.cli.dagster_home import dagster_environment, write_workspace
from ml_platform.project import open_project
from tests.servers import served
from tests.worlds import write_shop

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
      assetMaterializations(limit: 1) {
        runId
        metadataEntries { label ... on TextMetadataEntry { text } ... on IntMetadataEntry { intValue } }
      }
    }
  }
}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root: Path = write_shop(tmp_path_factory.mktemp("served") / "shop")
    project = open_project(root)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = dagster_environment(project)
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(write_workspace(project))]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    log = root / "dagster.log"
    url = f"http://127.0.0.1:{port}"
    with served(command, f"{url}/server_info", log, environment, stop=signal.SIGINT):
        yield url


def ask(server: str, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{server}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        found = json.load(answer)
    assert "errors" not in found, found["errors"]
    return found["data"]


def launch(server: str, job: str, *assets: str, tags: dict[str, str] | None = None) -> str:
    """Launch a run as the UI's button does, wait for its end, and return its status."""
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
        if status in ("SUCCESS", "FAILURE", "CANCELED"):
            return str(status)
        time.sleep(0.5)
    raise AssertionError(f"run {run} did not end")


def test_an_asset_is_materialised_by_a_click_and_its_result_is_read_back(server: str) -> None:
    assert launch(server, "__ASSET_JOB", "sources/deliveries", "features/courier_recent") == "SUCCESS"
    node = ask(server, NODE, key={"path": ["features", "courier_recent"]})["assetNodeOrError"]
    (made,) = node["assetMaterializations"]
    told = {entry["label"]: entry.get("text", entry.get("intValue")) for entry in made["metadataEntries"]}
    assert (node["groupName"], node["staleStatus"], told["made"]) == ("features", "FRESH", "now")
    assert told["dagster/row_count"] > 1000
    assert len(told["id"]) == 64


def test_the_days_are_there_to_be_chosen_and_a_day_is_scored_by_a_click(server: str) -> None:
    query = """query Days($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) {
        ... on AssetNode { partitionKeys } } }"""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:  # the sensor adds them at its first tick
        found = ask(server, query, key={"path": ["late_parcel", "predictions"]})["assetNodeOrError"]
        if found["partitionKeys"]:
            break
        time.sleep(1)
    assert found["partitionKeys"] == ["2024-03-01"]
    assert launch(server, "factory", tags={"dagster/partition": "2024-03-01"}) == "SUCCESS"
    node = ask(server, NODE, key={"path": ["late_parcel", "predictions"]})["assetNodeOrError"]
    assert len(node["assetMaterializations"]) == 1

"""A page of another site against the served UI, in a real browser, and the UI itself behind the guard.

The same page first attacks Dagster's own server, to show that its attacks are real.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from ml_platform.cli.dagster_home import dagster_environment
from ml_platform.project import open_project
from tests.browser import chromium, console
from tests.servers import served as serve
from tests.up_server import Up, free_port, up

pytestmark = pytest.mark.server

ATTACK = (Path(__file__).parent / "attack.html").read_bytes()
PLANTED = "{ assetsOrError { ... on AssetConnection { nodes { key { path } } } } }"
TRIED = ("fetch", "simple", "get", "post", "report", "beacon", "image", "form")
CUSTOM = """
const done = arguments[arguments.length - 1];
fetch('/graphql', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({query:
  'mutation { reportRunlessAssetEvents(eventParams: {eventType: ASSET_MATERIALIZATION, ' +
  'assetKey: {path: ["own"]}}) { __typename } }'})}).then(answer => done(answer.status));
"""


class _AttackPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(ATTACK)

    def log_message(self, *_: Any) -> None:
        """Be silent."""


@contextmanager
def attack_page() -> Iterator[int]:
    """Serve the attack page and give its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _AttackPage)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def planted(url: str) -> set[str]:
    """Return the names of the assets that have an event."""
    request = urllib.request.Request(
        f"{url}/graphql", json.dumps({"query": PLANTED}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        nodes = json.load(answer)["data"]["assetsOrError"]["nodes"]
    return {node["key"]["path"][0] for node in nodes}


def attack(driver: webdriver.Chrome, page: str, target: str, tag: str) -> dict[str, Any]:
    driver.get(page)
    answered: dict[str, Any] = driver.execute_async_script(
        "const done = arguments[arguments.length - 1]; attack(arguments[0], arguments[1]).then(done)", target, tag
    )
    time.sleep(3)
    return answered


@pytest.fixture(scope="module")
def served(made_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("doors")
    shutil.copytree(made_shop, folder / "shop")
    with up(folder / "shop", folder / "printed") as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chromium(["--host-resolver-rules=MAP evil.test 127.0.0.1"]) as driver:
        yield driver


def test_a_page_of_another_site_changes_and_reads_nothing(served: Up, browser: webdriver.Chrome) -> None:
    with attack_page() as port:
        for number, page in enumerate((f"http://127.0.0.1:{port}/", f"http://evil.test:{port}/")):
            attacked = attack(browser, page, served.dagster, f"forged{number}")
            assert attacked == {"fetch": None, "socket": "refused"}
            frame = browser.find_elements(By.TAG_NAME, "iframe")[-1]
            browser.switch_to.frame(frame)
            assert "dagster" not in browser.page_source.lower()  # the browser's own page about an error
            browser.switch_to.default_content()
    rebound = served.dagster.replace("127.0.0.1", "evil.test")
    for url in (f"{rebound}/", f"{served.mlflow.replace('127.0.0.1', 'evil.test')}/"):
        browser.get(url)  # DNS that names this machine: the page's own origin would be the server
        assert "unknown Host header" in browser.page_source
    assert not {name for name in planted(served.dagster) if name.startswith("forged")}
    browser.get(f"{served.dagster}/server_info")
    assert browser.execute_async_script(CUSTOM) == 200
    assert "own" in planted(served.dagster)


def test_the_attacks_are_real_against_the_server_without_the_guard(
    served: Up, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    project = open_project(served.output.parent / "shop")
    port, home = free_port(), project.state / "dagster"
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "dagster_webserver", "-w", str(home / "served.yaml"), "-p", str(port)]
    environment = dagster_environment(project)
    with serve(command, f"{url}/server_info", tmp_path / "log", environment), attack_page() as page:
        attacked = attack(browser, f"http://127.0.0.1:{page}/", url, "real")
        done = {name.removeprefix("real") for name in planted(url) if name.startswith("real")}
    assert attacked["socket"] == "open"
    assert done == set(TRIED) - {"fetch"}  # the one that asks for permission first


SHOWN = "return document.body.innerText"
CLICK = """
const button = [...document.querySelectorAll('button')].find(
  found => found.innerText.startsWith(arguments[0]) && !found.disabled);
if (button) button.click();
return Boolean(button);
"""


def wait_for(browser: webdriver.Chrome, text: str, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while text not in browser.execute_script(SHOWN):
        assert time.monotonic() < deadline, browser.execute_script(SHOWN)[:2000]
        time.sleep(0.5)


def click(browser: webdriver.Chrome, label: str, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not browser.execute_script(CLICK, label):
        assert time.monotonic() < deadline, f"no button {label}: {browser.execute_script(SHOWN)[:2000]}"
        time.sleep(0.5)


def test_the_ui_itself_launches_a_run_shows_its_log_and_reloads_the_definitions(
    served: Up, browser: webdriver.Chrome
) -> None:
    console(browser)
    browser.get(f"{served.dagster}/assets/sources/orders")
    click(browser, "Materialize")
    wait_for(browser, "Launched run")
    run = newest_run(served.dagster)
    browser.get(f"{served.dagster}/runs/{run}")
    wait_for(browser, "RUN_SUCCESS", 240)  # the log arrives through the WebSocket
    wait_for(browser, "Materialized value sources orders.")
    browser.get(f"{served.dagster}/deployment/locations")
    click(browser, "Reload")
    wait_for(browser, "Loaded")
    browser.get(f"{served.mlflow}/")
    wait_for(browser, "Experiments")
    output = console(browser)
    refused = [
        line for line in output if re.search(r"Content Security Policy|(status of|response code:) 40[35]\b", line)
    ]
    assert refused == []


def newest_run(url: str) -> str:
    query = {"query": "{ runsOrError(limit: 1) { ... on Runs { results { runId } } } }"}
    request = urllib.request.Request(f"{url}/graphql", json.dumps(query).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["data"]["runsOrError"]["results"][0]["runId"])

"""The search of the served site runs no script: the server looks words up and answers with a page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_platform.core.web.policies import SERVED_SITE_POLICY
from ml_platform.reporting.site.pages import search_page
from ml_platform.reporting.site.search import index_of, matches
from ml_platform_dagster.jobs.web_server import page_headers

ENTRIES = [
    {"name": "late_parcel", "kind": "model", "about": "Late?", "owner": "team:a", "unit": "", "href": "m.html"},
    {"name": "late", "kind": "column of source x", "about": "bool", "owner": "team:b", "unit": "min", "href": "s.html"},
    {"name": "mean_late_7d", "kind": "column of feature table c", "about": "", "owner": "", "unit": "min", "href": "f"},
]
NOW = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("late", ["late", "late_parcel", "mean_late_7d"]),  # the whole name, its beginning, a part of it
        ("LATE.model", ["late_parcel"]),
        ("min", ["late", "mean_late_7d"]),
        ("team:b", ["late"]),
        ("late nothing", []),
        ("s.html", []),  # an address is no word of the entry
        (" . ", []),
    ],
)
def test_entries_have_every_word_and_the_closest_name_comes_first(query: str, names: list[str]) -> None:
    assert [entry["name"] for entry in matches(ENTRIES, query)] == names


def test_the_page_shows_results_as_text_and_has_no_script() -> None:
    index = "window.catalogEntries = " + str(ENTRIES).replace("'", '"') + ";\n"
    assert index_of(index) == ENTRIES
    page = search_page("shop", NOW, index, "late")
    assert '<a href="/pages/site/m.html"><b>late_parcel</b></a>' in page
    assert "3 results for “late”" in page
    hostile = search_page("shop", NOW, index, '"><script>alert(1)</script>')
    assert "<script" not in page + hostile
    assert "&lt;script&gt;" in hostile


@pytest.mark.parametrize("path", ["/pages/site/index.html", "/pages/search"])
def test_the_served_site_may_send_a_form_to_its_server_and_run_nothing(path: str) -> None:
    policy = page_headers(path)["Content-Security-Policy"]
    assert policy == SERVED_SITE_POLICY
    assert "form-action 'self'" in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert "form-action 'none'" in page_headers("/pages/late.html")["Content-Security-Policy"]


def test_a_search_before_the_first_site_names_when_it_comes(tmp_path: Path) -> None:
    import asyncio

    import httpx
    from starlette.applications import Starlette

    from ml_platform_dagster.jobs.search_route import search_route

    async def answer() -> httpx.Response:
        app = Starlette(routes=[search_route(lambda: pytest.fail("opened"), tmp_path)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get("/pages/search", params={"q": "late"})

    answered = asyncio.run(answer())
    assert (answered.status_code, "after the first run" in answered.text) == (404, True)

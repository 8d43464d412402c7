"""The search of the served site: a form that the server answers, since no script runs in pages beside Dagster's."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from ml_platform.project import Project
from ml_platform.reporting.site.pages import search_page

SEARCH = "/pages/search"
_LONGEST = 100


def search_route(open_project: Callable[[], Project], site: Path) -> Route:
    """Return the route that answers a search.

    Parameters
    ----------
    open_project
        Called at the first search.
    site
        The folder of the site.
    """
    project = cache(open_project)

    def search(request: Request) -> Response:
        index = site / "search-index.js"
        try:
            text = index.read_text(encoding="utf-8")
            written = datetime.fromtimestamp(index.stat().st_mtime, UTC)
        except FileNotFoundError:
            return PlainTextResponse("there is no site yet: it is written after the first run", 404)
        query = request.query_params.get("q", "")[:_LONGEST].strip()
        return HTMLResponse(search_page(project().spec.name, written, text, query))

    return Route(SEARCH, search, methods=["GET"])

"""What the servers answer to links between MLflow's pages and the site."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ml_platform.reporting.mlflow.page_links import MLFLOW_VARIABLE, OPEN_PAGE, OPEN_RUN, SITE_VARIABLE
from ml_platform.reporting.mlflow.runs import TrackedRun

_MODEL = re.compile(rf"{OPEN_PAGE}/([a-z][a-z0-9_]*)")
_RUN = re.compile(rf"{OPEN_RUN}/([0-9]{{1,19}})/([0-9a-f]{{32}})")
_NOT_SERVED = "ml-platform up does not serve this. Start it, and follow the link again."


def opened_page(path: str) -> Response | None:
    """Return the answer of MLflow's server to a link to a model's page; None for other paths."""
    match, site = _MODEL.fullmatch(path), os.environ.get(SITE_VARIABLE)
    if match is None:
        return None
    return RedirectResponse(f"{site}/models/{match[1]}.html", 302) if site else PlainTextResponse(_NOT_SERVED, 404)


def opened_run(path: str) -> Response:
    """Return the answer of the site's server to a link to a run of MLflow."""
    match, server = _RUN.fullmatch(path), os.environ.get(MLFLOW_VARIABLE)
    if match is None:
        return PlainTextResponse("no such run", 404)
    if not server:
        return PlainTextResponse(_NOT_SERVED, 404)
    return RedirectResponse(TrackedRun(match[1], match[2]).url(server), 302)


class PageLinks:
    """An app before MLflow's, which answers links to pages of models."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: Callable[[Scope, Receive, Send], Awaitable[None]] = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the browser on, or let MLflow answer."""
        answer = opened_page(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        await (answer or self._app)(scope, receive, send)

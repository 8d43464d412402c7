"""Dagster's web server with the guard before it, and pages and pictures beside it.

``python -m ml_platform_dagster.jobs.web_server -w workspace.yaml -h 127.0.0.1 -p 3000``

Every option of ``dagster-webserver`` works. ``ml-platform up`` passes the accepted hosts, the token and the folders of
pages in the environment. ``dagster dev`` starts Dagster's own server and cannot be guarded.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster_webserver.cli as webserver
from dagster_webserver.webserver import DagsterWebserver
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from ml_platform.core.web.access import Access
from ml_platform.core.web.guard import Guard, Rules, ui_headers
from ml_platform.core.web.policies import PAGE_POLICY, SANDBOX_POLICY, SERVED_SITE_POLICY
from ml_platform.reporting.site.search import without_scripts
from ml_platform_dagster.assets.summary import SITE
from ml_platform_dagster.jobs.mlflow_route import mlflow_route
from ml_platform_dagster.jobs.picture_route import picture_route
from ml_platform_dagster.jobs.search_route import SEARCH, search_route
from ml_platform_dagster.resources.project import served_project

PAGES_VARIABLE = "ML_PLATFORM_WEB_PAGES"
"""The folder of pages without scripts, shown below ``/pages``."""
REPORTS_VARIABLE = "ML_PLATFORM_WEB_REPORTS"
"""The folder of self-contained reports, shown below ``/pages/sandboxed``."""
SITE_VARIABLE = "ML_PLATFORM_WEB_SITE"
"""The folder of the site, shown below ``/pages/site``."""
PAGES = "/pages"
SANDBOXED = f"{PAGES}/sandboxed"


def page_headers(path: str) -> Mapping[str, str]:
    """Return the headers by path: reports run in a sandbox, other pages run no script."""
    if path.startswith(f"{SANDBOXED}/") or path.rstrip("/").endswith("/notebook"):  # Dagster gives it no policy
        return {"Content-Security-Policy": SANDBOX_POLICY, "X-Frame-Options": "DENY"}
    if path.startswith((f"{SITE}/", SEARCH)):
        return {"Content-Security-Policy": SERVED_SITE_POLICY, "X-Frame-Options": "DENY"}
    if path.startswith(f"{PAGES}/"):
        return {"Content-Security-Policy": PAGE_POLICY, "X-Frame-Options": "DENY"}
    return ui_headers(path)


class GuardedWebserver(DagsterWebserver[Any, Any]):
    """Dagster's server with two of its hooks overridden: ``build_middleware`` and ``build_routes``."""

    def __init__(self, *args: Any, access: Access, pages: Mapping[str, Path]) -> None:
        self._access, self._pages = access, pages
        super().__init__(*args)

    def build_middleware(self) -> list[Middleware]:
        """Return Dagster's middleware with the guard before it."""
        guard = Middleware(Guard, rules=Rules(self._access), headers_of=page_headers)
        return [guard, *super().build_middleware()]

    def build_routes(self) -> list[BaseRoute]:
        """Return Dagster's routes with the pages before them: its last route answers every address."""
        pages = [Mount(path, (_Site if path == SITE else _Files)(folder)) for path, folder in self._pages.items()]
        site = self._pages.get(SITE)
        search = [search_route(served_project, site)] if site else []
        return [picture_route(served_project), mlflow_route(), *search, *pages, *super().build_routes()]  # type: ignore[no-untyped-call]


class _Files(StaticFiles):
    """The files of a folder, whose own address shows its ``index.html``. Before there is a folder, nothing is found."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False, html=True)

    async def check_config(self) -> None:
        """Accept a folder that is not there yet; the parent class answers 500."""


class _Site(_Files):
    """The site as it is served: its pages name no script, since the policy refuses each with a message."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Return a page without its scripts, and any other file as it is."""
        if not str(full_path).endswith(".html"):
            return super().file_response(full_path, stat_result, scope, status_code)
        return HTMLResponse(without_scripts(Path(full_path).read_text(encoding="utf-8")), status_code)


def create_app(context: Any, path_prefix: str = "", poll_rate: int | None = None, **kwargs: Any) -> ASGIApp:
    """Return the guarded app, as Dagster's command asks for its own."""
    variables = {SANDBOXED: REPORTS_VARIABLE, SITE: SITE_VARIABLE, PAGES: PAGES_VARIABLE}
    folders = {path: os.environ.get(variable) for path, variable in variables.items()}
    pages = {path: Path(folder) for path, folder in folders.items() if folder}
    server = GuardedWebserver(context, path_prefix, poll_rate, access=Access.from_environment(), pages=pages)
    return server.create_asgi_app(**kwargs)


def main() -> None:
    """Run ``dagster-webserver``, which makes its app through one name: all of its options keep working."""
    vars(webserver)["create_app_from_workspace_process_context"] = create_app
    webserver.dagster_webserver.main(prog_name="dagster-webserver", auto_envvar_prefix="DAGSTER_WEBSERVER")


if __name__ == "__main__":
    main()

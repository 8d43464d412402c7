"""Links to runs of MLflow, from Dagster's pages and the site: the browser is sent to where MLflow is served now."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ml_platform.reporting.mlflow.link_answers import opened_run
from ml_platform.reporting.mlflow.page_links import OPEN_RUN


def mlflow_route() -> Route:
    """Return the route of links to runs."""

    def run(request: Request) -> Response:
        return opened_run(request.url.path)

    return Route(f"{OPEN_RUN}/{{experiment}}/{{run}}", run, methods=["GET"])

"""Links between MLflow's pages and the site: addresses on the server that shows them, which sends the browser on.

MLflow and the site have ports of their own, and a port can be another one tomorrow. So what is stored holds no port: a
link leads to the server that shows it, and that server knows where `ml-platform up` serves the other one now.
"""

from __future__ import annotations

from ml_platform.project import Project
from ml_platform.reporting.mlflow.runs import CLASSIC_VIEW, TrackedRun

OPEN_PAGE, OPEN_RUN = "/open/page", "/open/mlflow"
"""Below the first MLflow's server sends the browser to a model's page; below the second the site's server to a run."""
SITE_VARIABLE, MLFLOW_VARIABLE = "ML_PLATFORM_SITE_ADDRESS", "ML_PLATFORM_MLFLOW_UI"
"""The environment variables with the addresses of the site and of MLflow, as `ml-platform up` serves them now."""


def run_address(project: Project, run: TrackedRun) -> str:
    """Return the address of a run: on the project's tracking server, or on the site's own server."""
    if _has_server(project):
        return run.url(project.mlflow_address)
    return f"{OPEN_RUN}/{run.experiment_id}/{run.run_id}"


def first_page(base: str) -> str:
    """Return the address at which MLflow's UI opens with the experiments, not with traces of language models."""
    return f"{base.rstrip('/')}/#/experiments?{CLASSIC_VIEW}"


def with_page_link(project: Project, model: str, text: str) -> str:
    """Return Markdown for MLflow with a link to a model's page; as it is where MLflow is not served by `up`."""
    return text if _has_server(project) else f"{text}\n\n[Page of {model}]({OPEN_PAGE}/{model})"


def _has_server(project: Project) -> bool:
    return project.mlflow_uri.startswith(("http://", "https://"))

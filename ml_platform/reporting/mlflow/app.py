"""MLflow's server with the guard before it: the app ``ml-platform`` of MLflow's entry point ``mlflow.app``.

MLflow 3.17 accepts every origin of the machine's own name, whatever its port, checks no WebSocket and no GraphQL
request, and its patterns of private addresses let ``10.example.com`` pass as a host.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlflow.server.fastapi_app import app as mlflow_app
from starlette.types import ASGIApp

from ml_platform.core.web.access import Access
from ml_platform.core.web.guard import Guard, Rules
from ml_platform.core.web.policies import MLFLOW_POLICY
from ml_platform.reporting.mlflow.link_answers import PageLinks


def mlflow_rules(access: Access) -> Rules:
    """Return the rules for MLflow: its clients also send PUT, PATCH and DELETE, and traces as protobuf."""
    return Rules(
        access,
        methods=frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}),
        body_types=frozenset({"application/json", "application/x-protobuf"}),
    )


def mlflow_headers(_: str) -> Mapping[str, str]:
    """Return the headers of MLflow's pages."""
    return {"Content-Security-Policy": MLFLOW_POLICY, "X-Frame-Options": "SAMEORIGIN"}


app: ASGIApp = Guard(PageLinks(mlflow_app), mlflow_rules(Access.from_environment()), mlflow_headers)

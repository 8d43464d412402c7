"""Reaching MLflow: its database or server, made ready, and never waited for long."""

from __future__ import annotations

import fcntl
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ml_platform.project import Project

if TYPE_CHECKING:
    from mlflow import MlflowClient

CLIENT_SETTINGS: Mapping[str, str] = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
"""What MLflow reads from the environment, unless it says otherwise: by default, a server that is down costs minutes."""

_PROBE_SECONDS = 3.0


def experiment_name(project: Project, model: str) -> str:
    """Return the MLflow experiment of a model: one for each, named by project and model."""
    return f"{project.spec.name}/{model}"


def reachable(uri: str, patience_seconds: float = _PROBE_SECONDS) -> bool:
    """Return whether a tracking URI answers: any HTTP answer will do, and a database always counts as there."""
    if not uri.startswith(("http://", "https://")):
        return True
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=patience_seconds):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def prepare_tracking(project: Project) -> None:
    """Create or migrate the MLflow database, once for each version of MLflow and under a lock.

    Does nothing for a tracking server. Two processes that use a fresh SQLite database at once would both fail.
    """
    if not project.mlflow_uri.startswith("sqlite:"):
        return
    project.state.mkdir(parents=True, exist_ok=True)
    marker, wanted = project.state / "mlflow.ready", version("mlflow")
    with _locked(project.state / "mlflow.lock"):
        if _read(marker) == wanted and _database_file(project.mlflow_uri).exists():
            return
        configure_client()
        from mlflow import db

        db.upgrade.callback(project.mlflow_uri)
        marker.write_text(wanted)


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _database_file(uri: str) -> Path:
    return Path(sa.make_url(uri).database or "")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def configure_client() -> None:
    """Set MLflow's limits where the environment has none; before MLflow is imported, which reads some of them then."""
    for name, value in CLIENT_SETTINGS.items():
        os.environ.setdefault(name, value)


def open_client(project: Project) -> MlflowClient:
    """Return a client of the project's MLflow that gives up after seconds rather than minutes."""
    prepare_tracking(project)
    configure_client()
    from mlflow import MlflowClient

    return MlflowClient(project.mlflow_uri)


def open_experiment(project: Project, client: MlflowClient, model: str) -> str:
    """Return the id of a model's experiment, made where it is missing.

    With a database in the state folder, the runs' files lie beside it.
    """
    from mlflow.exceptions import MlflowException

    name = experiment_name(project, model)
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    local = project.mlflow_uri.startswith("sqlite:")
    folder = (project.state / "mlflow-artifacts" / model).resolve().as_uri() if local else None
    try:
        return str(client.create_experiment(name, artifact_location=folder))
    except MlflowException:  # another process made it meanwhile
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)

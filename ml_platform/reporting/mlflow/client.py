"""Reaching MLflow: its database or server, made ready, and never waited for long."""

from __future__ import annotations

import importlib.util
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ml_platform.core.private_files import private_folder
from ml_platform.core.secrets import credentials, without_credentials
from ml_platform.project import Project
from ml_platform.reporting.mlflow.moved import move_artifacts
from ml_platform.reporting.mlflow.new_database import create_database
from ml_platform.storage.atomic_write import write_durably
from ml_platform.storage.database_errors import DatabaseUnavailable, open_engine
from ml_platform.storage.file_lock import file_lock
from ml_platform.storage.migration_heads import repair_heads

if TYPE_CHECKING:
    from mlflow import MlflowClient

CLIENT_SETTINGS: Mapping[str, str] = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
"""Default settings that MLflow reads from the environment: without them, a server that is down costs minutes."""

_PROBE_SECONDS = 3.0
_ARTIFACTS = "mlflow-artifacts"


def experiment_name(project: Project, model: str) -> str:
    """Return the MLflow experiment of a model: one for each, named by project and model."""
    return f"{project.spec.name}/{model}"


def reachable(uri: str, patience_seconds: float = _PROBE_SECONDS) -> bool:
    """Return whether a tracking URI answers: any HTTP answer will do, a database must let itself be opened.

    MLflow itself would try a database that does not answer for minutes. A file always counts as reachable.
    """
    if uri.startswith(("http://", "https://")):
        return _answers_http(uri, patience_seconds)
    if "://" not in uri or uri.startswith(("sqlite:", "file:")):
        return True
    return _opens(uri, patience_seconds)


def _answers_http(uri: str, patience_seconds: float) -> bool:
    try:
        with urllib.request.urlopen(f"{without_credentials(uri).rstrip('/')}/health", timeout=patience_seconds):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError, HTTPException):
        return False


def _opens(uri: str, patience_seconds: float) -> bool:
    try:
        engine = open_engine(uri, "storage.mlflow in project.yaml", patience_seconds)
        with engine.connect():
            return True
    except (DatabaseUnavailable, sa.exc.SQLAlchemyError):
        return False


def tracking_uri(project: Project) -> str:
    """Return the address that MLflow's client takes.

    User and password of a server go into the environment, where the client looks for them: it prints its address, and
    Dagster keeps what is printed.
    """
    uri = project.mlflow_uri
    if not uri.startswith(("http://", "https://")):
        return uri
    user, password = credentials(uri)
    if user is not None and password is not None:
        os.environ |= {"MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": password}
    elif user is not None:
        os.environ["MLFLOW_TRACKING_TOKEN"] = user
    return project.mlflow_address


def prepare_tracking(project: Project) -> None:
    """Create, migrate or repair the MLflow database under a lock, and let it follow a project that was moved.

    Does nothing for a tracking server. Two processes that use a fresh SQLite database at once would both fail.

    Raises
    ------
    DatabaseUnavailable
    """
    if not project.mlflow_uri.startswith("sqlite:"):
        return
    private_folder(project.state)
    file, marker = _database_file(project.mlflow_uri), project.state / "mlflow.ready"
    release, place = version("mlflow"), artifact_folder(project).as_uri()
    with file_lock(project.state / "mlflow.lock"):
        repair_heads(file, _migrations())
        is_migrated = file.exists() and _read(marker).startswith(f"{release}\n")
        if is_migrated and _read(marker) == f"{release}\n{place}":
            return
        if not is_migrated and not create_database(file):
            _migrate(project.mlflow_uri, file)
        if project.spec.file.storage.mlflow is None:  # a declared database may belong to several projects
            move_artifacts(file, artifact_folder(project))
        write_durably(marker, f"{release}\n{place}".encode())


def _migrate(uri: str, file: Path) -> None:
    configure_client()
    from mlflow import db

    try:
        db.upgrade.callback(uri)
    except Exception as error:  # whatever SQLAlchemy and Alembic raise
        raise DatabaseUnavailable(str(file), str(error).splitlines()[0], "Restore the file from a copy.") from error


def artifact_folder(project: Project) -> Path:
    """Return the folder for the files of runs, where MLflow is a database in the state folder."""
    return (project.state / _ARTIFACTS).resolve()


def _migrations() -> Path:
    """Find MLflow's migrations without importing it, which takes seconds."""
    spec = importlib.util.find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "store" / "db_migrations"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _database_file(uri: str) -> Path:
    return Path(sa.make_url(uri).database or "")


def configure_client() -> None:
    """Set MLflow's limits where the environment has none; before MLflow is imported, which reads some of them then."""
    for name, value in CLIENT_SETTINGS.items():
        os.environ.setdefault(name, value)


def open_client(project: Project) -> MlflowClient:
    """Return a client of the project's MLflow that gives up after seconds rather than minutes."""
    prepare_tracking(project)
    configure_client()
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri(project))


def open_experiment(project: Project, client: MlflowClient, model: str) -> str:
    """Return the id of a model's experiment, made where it is missing.

    With a database in the state folder, the runs' files lie beside it.
    """
    from mlflow.exceptions import MlflowException

    name = experiment_name(project, model)
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        return str(experiment.experiment_id)
    local = project.mlflow_uri.startswith("sqlite:")
    folder = (artifact_folder(project) / model).as_uri() if local else None
    try:
        return str(client.create_experiment(name, artifact_location=folder))
    except MlflowException:  # another process made it meanwhile
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            raise
        return str(experiment.experiment_id)

"""An opened project: its declarations, its stores and its clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.core.clock import Clock, WallClock
from ml_platform.core.errors import UnknownModel
from ml_platform.core.private_files import close_to_others, private_folder
from ml_platform.core.secrets import without_credentials
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.project import ProjectSpec
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.database import Database, sqlite_url
from ml_platform.storage.manifest_index import ManifestIndex
from ml_platform.storage.redirects import successor
from ml_platform.storage.simulated_clock import SimulatedClock

if TYPE_CHECKING:
    from ml_platform.core.engines import Engine


@dataclass(frozen=True)
class Project:
    """One project, ready for work. Stores are opened on first use.

    Attributes
    ----------
    spec
        The checked declarations.
    """

    spec: ProjectSpec

    @property
    def root(self) -> Path:
        """The folder that holds project.yaml."""
        return self.spec.root

    @cached_property
    def state(self) -> Path:
        """The folder for everything that the platform makes and that no URL places elsewhere.

        Only its owner can enter it: a folder that is open to others is closed.
        """
        folder = self.root / self.spec.file.storage.state
        close_to_others(folder)
        return folder

    @cached_property
    def store(self) -> ArtifactStore:
        """The artifact store."""
        private_folder(self.state)
        store = ArtifactStore(self.store_url, self.state / "cache", ManifestIndex(self.database))
        store.successor = partial(successor, self.database)
        return store

    @cached_property
    def database(self) -> Database:
        """The database of refs, the ledger and indexes."""
        if self.spec.file.storage.database is None:
            private_folder(self.state)
        return Database(self.database_url)

    @property
    def store_url(self) -> str:
        """The address of the artifact store."""
        return self.spec.file.storage.artifacts or str(self.state / "store")

    @property
    def database_url(self) -> str:
        """The address of the database; it may hold a password."""
        return self.spec.file.storage.database or sqlite_url(self.state / "platform.sqlite")

    @cached_property
    def clock(self) -> Clock:
        """The project's clock."""
        declared = self.spec.file.clock
        return WallClock() if declared == "wall" else SimulatedClock(self.database, declared.simulated_from)

    def engine(self) -> Engine:
        """Return the declared engine, to be used as a context manager.

        Raises
        ------
        EngineUnavailable
            Where it cannot be started or reached.
        """
        from ml_platform.core.engines import DuckDB, Spark

        declared, threads = self.spec.file.engine, self.spec.file.threads
        if declared == "duckdb":
            return DuckDB(threads, self.spec.file.memory)
        return Spark(f"local[{threads}]" if declared == "spark" else declared.spark)

    def require_model(self, name: str) -> None:
        """Refuse a name that no model of the project has.

        Raises
        ------
        UnknownModel
        """
        if name not in self.spec.models:
            raise UnknownModel(name, list(self.spec.models))

    def with_spec(self, spec: ProjectSpec) -> Project:
        """Return other declarations over the stores of this project."""
        other = Project(spec)
        other.__dict__.update(store=self.store, database=self.database)
        return other

    @property
    def mlflow_uri(self) -> str:
        """The MLflow tracking URI as declared; it may hold a password."""
        return self.spec.file.storage.mlflow or sqlite_url(self.state / "mlflow.sqlite")

    @property
    def mlflow_address(self) -> str:
        """The MLflow tracking URI without user and password, to be shown or linked to."""
        return without_credentials(self.mlflow_uri)


def open_project(directory: Path | str, environ: Mapping[str, str] | None = None) -> Project:
    """Read and check a project's declarations and return it ready for work; no store is opened yet.

    Parameters
    ----------
    directory
        The folder that holds project.yaml.
    environ
        What ``${NAME}`` in project.yaml refers to; the process's environment by default.

    Raises
    ------
    DeclarationError
        With every fault of every declaration.
    """
    return Project(load_project(Path(directory), environ))

"""What the tables of this package need of an opened project, so that this package need not import that class."""

from __future__ import annotations

from typing import Protocol

from ml_platform.declarations.project import ProjectSpec
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.database import Database


class OpenedStores(Protocol):
    """A project's declarations with its two stores; `ml_platform.project.Project` is one."""

    @property
    def spec(self) -> ProjectSpec:
        """The checked declarations."""

    @property
    def store(self) -> ArtifactStore:
        """The artifact store."""

    @property
    def database(self) -> Database:
        """The database of refs, the ledger and indexes."""

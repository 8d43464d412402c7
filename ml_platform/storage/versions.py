"""Versions: trained models that were registered, numbered from 1 within each model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ml_platform.storage.database import Database
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.opened import OpenedStores
from ml_platform.storage.row_log import read_rows
from ml_platform.storage.rows import insert_row
from ml_platform.storage.tables import METADATA, Instant

VERSIONS = sa.Table(
    "versions",
    METADATA,
    sa.Column("model", sa.String(64), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("snapshot", sa.String(64), nullable=False),
    sa.Column("registered_at", Instant, nullable=False),
    sa.UniqueConstraint("model", "id"),
)
_ATTEMPTS = 20


@dataclass(frozen=True)
class Version:
    """A registered trained model.

    Attributes
    ----------
    number
        Counts from 1 within a model.
    id
        The trained model's id.
    snapshot
        The id of the snapshot that it was first trained on.
    """

    model: str
    number: int
    id: str
    snapshot: str
    registered_at: datetime

    def __str__(self) -> str:
        return f"{self.model}@{self.number}"


def register_version(project: OpenedStores, model: str, artifact: Artifact, at: datetime) -> Version:
    """Give a trained model the next number of its model; one that has a number keeps it."""
    for attempt in range(_ATTEMPTS):
        try:
            return _register(project.database, model, artifact, at)
        except sa.exc.IntegrityError:  # another process took the number between reading and writing
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("the loop returns or raises")


def _register(database: Database, model: str, artifact: Artifact, at: datetime) -> Version:
    with database.writing() as connection:
        here = (VERSIONS.c.model == model) & (VERSIONS.c.id == artifact.id)
        row = connection.execute(sa.select(VERSIONS).where(here)).mappings().first()
        if row is not None:
            return Version(**row)
        last = connection.scalar(sa.select(sa.func.max(VERSIONS.c.number)).where(VERSIONS.c.model == model))
        version = Version(model, (last or 0) + 1, artifact.id, artifact.inputs.get("snapshot", ""), at)
        insert_row(connection, VERSIONS, vars(version))
    return version


def versions(project: OpenedStores, model: str) -> list[Version]:
    """Return a model's versions, oldest first."""
    return _checked(project, VERSIONS.c.model == model)


def all_versions(project: OpenedStores) -> list[Version]:
    """Return the versions of every model that ever had one, by model and number."""
    return _checked(project, sa.true())


def version_of(project: OpenedStores, model: str, id: str) -> Version | None:
    """Return the version that a trained model has, or None where it was never registered."""
    matching = _checked(project, (VERSIONS.c.model == model) & (VERSIONS.c.id == id))
    return matching[0] if matching else None


def _checked(project: OpenedStores, where: sa.ColumnElement[bool]) -> list[Version]:
    """Return versions by model and number, each checked against the row log."""
    with project.database.snapshot() as connection:
        versions_read = [Version(**row) for row in read_rows(connection, VERSIONS, where)]
    return sorted(versions_read, key=lambda version: (version.model, version.number))

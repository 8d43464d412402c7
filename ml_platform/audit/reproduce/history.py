"""Which versions were retrained, when, and with which outcome; and which version is next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.rows import insert_row
from ml_platform.storage.tables import METADATA, PERSONAL, Instant
from ml_platform.storage.versions import Version, all_versions

if TYPE_CHECKING:
    from ml_platform.project import Project

REPRODUCTIONS = sa.Table(
    "reproductions",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("version", sa.String(100), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("same", sa.Boolean, nullable=False),
    sa.Column("statement", sa.Text, nullable=False, info=PERSONAL),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class ReproductionRun:
    """One version that was retrained, and the outcome."""

    version: str
    at: datetime
    same: bool
    statement: str


def keep_attempt(project: Project, attempt: ReproductionRun) -> None:
    """Record the outcome of retraining a version."""
    with project.database.writing() as connection:
        insert_row(connection, REPRODUCTIONS, vars(attempt))


def attempts(project: Project) -> list[ReproductionRun]:
    """Return what was recorded, newest first."""
    columns = [column for column in REPRODUCTIONS.c if column.name != "seq"]
    query = sa.select(*columns).order_by(REPRODUCTIONS.c.seq.desc())
    with project.database.reading() as connection:
        return [ReproductionRun(**row) for row in connection.execute(query).mappings()]


def version_to_reproduce(project: Project, at: datetime) -> Version | None:
    """Return the past version whose turn it is: drawn at random, but the same for the same instant.

    The draw is from the versions that can be retrained: their manifest records the provenance, and their snapshot is
    in the store. None where there is no such version.
    """
    able = [version for version in all_versions(project) if _can(project, version)]
    return able[int(content_id(["reproduce", at]), 16) % len(able)] if able else None


def _can(project: Project, version: Version) -> bool:
    try:
        trained: Artifact = project.store.get(TrainedModelManifest.name, version.id)
        project.store.get("snapshot", version.snapshot)
    except ArtifactMissing:  # retention took it
        return False
    except ArtifactDamaged:  # the attempt reports the damage
        return True
    return TrainedModelManifest.of(trained).provenance is not None

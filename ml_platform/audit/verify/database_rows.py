"""Holding the database's own rows about the store against the store."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from ml_platform.audit.verify.findings import Damage
from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing, LedgerDamaged
from ml_platform.models.train import KIND as TRAINED_MODEL
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.predictions import PredictionsManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.ledger.lines import ledger_lines
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.prediction_log import KIND as PREDICTIONS
from ml_platform.storage.prediction_log import PREDICTION_DAYS
from ml_platform.storage.versions import VERSIONS

_RESTORE = "Restore the database from a copy."


def row_damages(project: Project) -> Iterator[Damage | None]:
    """Yield the damage of each row that describes an artifact, None for a correct row.

    Whether the artifact exists is not checked here.
    """
    yield from _versions(project)
    yield from _prediction_days(project)


def _versions(project: Project) -> Iterator[Damage | None]:
    deployed = _deployed(project)
    with project.database.reading() as connection:
        rows = connection.execute(sa.select(VERSIONS.c.model, VERSIONS.c.number, VERSIONS.c.id)).mappings().all()
    for row in rows:
        name = f"{row['model']}@{row['number']}"
        trained, problem = _artifact(project, TRAINED_MODEL, row["id"]), None
        if trained is not None and TrainedModelManifest.of(trained).model != row["model"]:
            problem = f"its trained model {row['id'][:12]} is one of {TrainedModelManifest.of(trained).model}"
        elif deployed.get(name, row["id"]) != row["id"]:
            problem = (
                f"its id is {row['id'][:12]}, but the ledger has a deployment of {deployed[name][:12]} by this name"
            )
        yield _damage("version", name, "a registered version", problem)


def _deployed(project: Project) -> dict[str, str]:
    """Return the ids that versions had when they were deployed, by their names."""
    try:
        lines = [line for line in ledger_lines(project.database) if line.to_value and "version" in line.facts]
    except LedgerDamaged:  # reported by the check of the ledger
        return {}
    return {f"{line.ref.partition('/')[2]}@{line.facts['version']}": str(line.to_value) for line in lines}


def _prediction_days(project: Project) -> Iterator[Damage | None]:
    with project.database.reading() as connection:
        days = PREDICTION_DAYS.c
        rows = connection.execute(sa.select(days.model, days.day, days.artifact, days.rows)).mappings().all()
    for row in rows:
        where, problem = f"{row['model']} on {row['day']}", None
        state = _artifact(project, PREDICTIONS, row["artifact"])
        recorded = PredictionsManifest.of(state) if state is not None else None
        if recorded is not None and (recorded.model, recorded.day) != (row["model"], row["day"]):
            problem = f"it points at the predictions of {recorded.model} on {recorded.day}"
        elif recorded is not None and recorded.rows != row["rows"]:
            problem = f"its row count is {row['rows']:,}, but the log has {recorded.rows:,}"
        yield _damage("log", where, "a day of the prediction log", problem)


def _damage(thing: str, where: str, was: str, problem: str | None) -> Damage | None:
    return Damage("damaged", thing, where, was, problem, _RESTORE) if problem else None


def _artifact(project: Project, kind: str, id: str) -> Artifact | None:
    """Return an artifact; None for one that is missing or damaged, which other checks report."""
    try:
        return project.store.get(kind, id)
    except (ArtifactMissing, ArtifactDamaged):
        return None

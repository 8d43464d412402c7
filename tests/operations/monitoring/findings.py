"""Findings of drift, closed ones among them, as the database has them."""

from __future__ import annotations

import json

import sqlalchemy as sa

from ml_platform.operations.monitoring.drift_episodes import FINDINGS, Finding
from ml_platform.project import Project


def all_findings(project: Project, model: str) -> list[Finding]:
    """Return every finding of a model, oldest first."""
    query = sa.select(FINDINGS).where(FINDINGS.c.model == model).order_by(FINDINGS.c.opened_at, FINDINGS.c.id)
    with project.database.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return [Finding(**{**row, "facts": json.loads(row["facts"])}) for row in rows]

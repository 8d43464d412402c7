"""Findings: drift that was found, one for each episode, for a sensor to act on.

An episode opens when the verdict is drift. It ends when no look has found drift for four
windows, or when another version is champion. So one change is one finding, however often
it comes near its threshold. A look without a verdict changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ml_platform.core.hashing import canonical_json, content_id
from ml_platform.project import Project
from ml_platform.storage.rows import delete_rows, insert_if_absent, update_rows
from ml_platform.storage.tables import METADATA, PERSONAL, Instant

if TYPE_CHECKING:
    from ml_platform.operations.monitoring.drift_result import Verdict

FINDINGS = sa.Table(
    "findings",
    METADATA,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("model", sa.String(64), nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("last_seen_at", Instant, nullable=False),
    sa.Column("closed_at", Instant),
    sa.Column("closed_because", sa.String(200), info=PERSONAL),
    sa.Column("reason", sa.Text, nullable=False, info=PERSONAL),
    sa.Column("facts", sa.Text, nullable=False, info=PERSONAL),
)
QUIET_WINDOWS = 4
"""For how many windows no look may find drift until an episode ends."""

_IS_OPEN = FINDINGS.c.closed_at.is_(None)
sa.Index("one_open_finding", FINDINGS.c.model, unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)


@dataclass(frozen=True)
class Finding:
    """One episode of drift under one version.

    Attributes
    ----------
    id
        ``model.drift.VERSION.hash``: the same for the same model, version and instant of opening.
    reason
        What was found when it opened, in a sentence.
    facts
        Figures by column when it opened; JSON types only.
    last_seen_at
        The last look that found drift.
    """

    id: str
    model: str
    version: int
    kind: str
    opened_at: datetime
    last_seen_at: datetime
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    closed_at: datetime | None = None
    closed_because: str | None = None


def update_episode(
    project: Project,
    model: str,
    version: int,
    verdict: Verdict,
    now: datetime,
    reason: str,
    facts: Mapping[str, Any] | None = None,
) -> Finding | None:
    """Open, keep or close the finding of a model after a verdict, and return the one that is open."""
    quiet = QUIET_WINDOWS * project.spec.models[model].monitoring.window
    with project.database.writing() as connection:
        episode = _open(connection, model)
        ending = None if episode is None else _ending(episode, version, verdict, now, quiet)
        if episode is not None and ending is not None:
            _close(connection, episode, now, ending)
        if episode is not None and ending is None:
            return _see(connection, episode, now) if verdict == "drift" else episode
        return _insert(connection, model, version, now, reason, facts or {}) if verdict == "drift" else None


def open_findings(project: Project, model: str | None = None) -> list[Finding]:
    """Return the findings that are open, oldest first, of one model or of all."""
    query = sa.select(FINDINGS).where(_IS_OPEN)
    return _read(project, query if model is None else query.where(FINDINGS.c.model == model))


def _read(project: Project, query: sa.Select[Any]) -> list[Finding]:
    with project.database.reading() as connection:
        rows = connection.execute(query.order_by(FINDINGS.c.opened_at, FINDINGS.c.id)).mappings()
        return [_finding(row) for row in rows]


def _finding(row: sa.RowMapping) -> Finding:
    return Finding(**{**row, "facts": json.loads(row["facts"])})


def _open(connection: sa.Connection, model: str) -> Finding | None:
    query = sa.select(FINDINGS).where((FINDINGS.c.model == model) & _IS_OPEN)
    row = connection.execute(query).mappings().first()
    return None if row is None else _finding(row)


def _ending(episode: Finding, version: int, verdict: Verdict, now: datetime, quiet: timedelta) -> str | None:
    """Return why an open finding ends now, or None while it stays."""
    if episode.version != version:
        return f"version {version} is champion"
    if verdict == "stable" and now >= episode.last_seen_at + quiet:
        return "the drift is gone"
    return None


def _see(connection: sa.Connection, episode: Finding, now: datetime) -> Finding:
    seen = max(now, episode.last_seen_at)
    update_rows(connection, FINDINGS, FINDINGS.c.id == episode.id, {"last_seen_at": seen})
    return replace(episode, last_seen_at=seen)


def _close(connection: sa.Connection, episode: Finding, now: datetime, because: str) -> None:
    update_rows(connection, FINDINGS, FINDINGS.c.id == episode.id, {"closed_at": now, "closed_because": because})


def _insert(
    connection: sa.Connection, model: str, version: int, now: datetime, reason: str, facts: Mapping[str, Any]
) -> Finding | None:
    id = f"{model}.drift.{version}.{content_id([model, version, now])[:12]}"
    row = {"id": id, "model": model, "version": version, "kind": "drift", "opened_at": now, "reason": reason}
    row |= {"last_seen_at": now}
    delete_rows(connection, FINDINGS, FINDINGS.c.id == id)  # closed at this very instant: it opens again
    if not insert_if_absent(connection, FINDINGS, {**row, "facts": canonical_json(dict(facts)).decode()}):
        return _open(connection, model)  # another process opened one meanwhile
    return Finding(**row, facts=dict(facts))  # type: ignore[arg-type]

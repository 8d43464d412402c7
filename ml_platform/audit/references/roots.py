"""The roots of the walk: what is asked for by name, each with the reason why it must be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from ml_platform.audit.references.links import Root
from ml_platform.declarations.node_kinds import made_by, node_kinds
from ml_platform.models.train import KIND as TRAINED_MODEL
from ml_platform.registry.evaluation.key import KIND as EVALUATION
from ml_platform.sources.ingest_history import INGESTS
from ml_platform.sources.upstream import read_upstream
from ml_platform.storage.database import Database
from ml_platform.storage.ledger.lines import LedgerLine, ledger_lines
from ml_platform.storage.outputs import OUTPUTS
from ml_platform.storage.prediction_log import KIND as PREDICTIONS
from ml_platform.storage.prediction_log import PREDICTION_DAYS
from ml_platform.storage.refs import REFS
from ml_platform.storage.versions import VERSIONS

DELETE = "delete"
"""The action of a ledger line whose fact ``removed`` lists the ids that were removed on purpose, by kind."""
CHAMPION = "champion/"
"""What the names of refs to champions begin with."""


def all_roots(database: Database) -> Iterator[Root]:
    """Yield every root, the most informative reason first."""
    yield from champion_roots(database)
    yield from prediction_roots(database)
    yield from ledger_roots(database)
    yield from version_roots(database)
    yield from output_roots(database)
    yield from source_roots(database)
    yield from quarantine_roots(database)


def champion_roots(database: Database) -> Iterator[Root]:
    """Yield what refs point at: the champion of each model."""
    for row in _rows(database, sa.select(REFS.c.name, REFS.c.value).order_by(REFS.c.name)):
        if row["name"].startswith(CHAMPION):
            yield Root(TRAINED_MODEL, row["value"], f"champion of {row['name'].removeprefix(CHAMPION)}")


def prediction_roots(database: Database) -> Iterator[Root]:
    """Yield the state of each day of each prediction log."""
    days = PREDICTION_DAYS.c
    for row in _rows(database, sa.select(days.model, days.day, days.artifact).order_by(days.model, days.day)):
        yield Root(PREDICTIONS, row["artifact"], f"logged predictions of {row['model']} on {row['day']}")


def ledger_roots(database: Database) -> Iterator[Root]:
    """Yield what was ever deployed, and the evaluation that it was deployed by."""
    for line in ledger_lines(database):
        if line.ref.startswith(CHAMPION) and line.to_value:
            reason = _reason(line)
            yield Root(TRAINED_MODEL, line.to_value, reason)
            if line.facts.get("evaluation"):
                yield Root(EVALUATION, line.facts["evaluation"], reason)


def _reason(line: LedgerLine) -> str:
    name = f"{line.ref.removeprefix(CHAMPION)}@{line.facts.get('version', '?')}"
    return f"ledger line {line.seq}: {line.action} of {name} on {line.at:%Y-%m-%d}"


def version_roots(database: Database) -> Iterator[Root]:
    """Yield each registered version."""
    every = VERSIONS.c
    for row in _rows(database, sa.select(every.model, every.number, every.id).order_by(every.model, every.number)):
        yield Root(TRAINED_MODEL, row["id"], f"version {row['model']}@{row['number']}")


def output_roots(database: Database) -> Iterator[Root]:
    """Yield what each node made last."""
    made, listed = OUTPUTS.c, {kind.name for kind in node_kinds().values() if kind.listed_elsewhere}
    last = sa.select(sa.func.max(made.seq)).group_by(made.node, made.partition)
    query = sa.select(made.node, made.partition, made.kind, made.id).where(made.seq.in_(last))
    query = query.order_by(made.node, made.partition)
    for row in _rows(database, query):
        if row["kind"] in listed:
            continue  # a separate table lists each day's last artifact, and the online store records what it holds
        partition = f" for {row['partition']}" if row["partition"] else ""
        yield Root(made_by(row["kind"]), row["id"], f"last output of {row['node']}{partition}")


def source_roots(database: Database) -> Iterator[Root]:
    """Yield the log of each source as its last ingest left it."""
    last = sa.select(sa.func.max(INGESTS.c.seq)).group_by(INGESTS.c.source)
    for row in _rows(
        database, sa.select(INGESTS.c.source, INGESTS.c.id).where(INGESTS.c.seq.in_(last)).order_by(INGESTS.c.source)
    ):
        yield Root("source", row["id"], f"last ingest of {row['source']}")


def quarantine_roots(database: Database) -> Iterator[Root]:
    """Yield the dirty rows of each source as of its last ingest."""
    last = sa.select(sa.func.max(INGESTS.c.seq)).group_by(INGESTS.c.source)
    query = sa.select(INGESTS.c.source, INGESTS.c.upstream).where(INGESTS.c.seq.in_(last)).order_by(INGESTS.c.source)
    for row in _rows(database, query):
        with suppress(ValueError, TypeError):  # a text that was edited and cannot be read stops no walk
            if id := read_upstream(row["upstream"]).dirty:
                yield Root("quarantine", id, f"dirty rows of {row['source']}")


def removed_on_purpose(database: Database) -> dict[tuple[str, str], LedgerLine]:
    """Return kind and id of each artifact whose removal the ledger records, with the line that records it."""
    lines = [line for line in ledger_lines(database) if line.action == DELETE]
    return {(kind, id): line for line in lines for kind, ids in line.facts.get("removed", {}).items() for id in ids}


def _rows(database: Database, query: sa.Select[Any]) -> Iterator[Mapping[str, str]]:
    """Yield rows of those columns only that are needed: one that was edited and cannot be read stops no walk."""
    with database.reading() as connection, connection.execution_options(yield_per=1000).execute(query) as rows:
        for row in rows:
            yield dict(row._mapping)

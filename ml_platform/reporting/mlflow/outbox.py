"""Records for MLflow that could not be delivered: kept in the project's database, delivered later, in order."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cache

import sqlalchemy as sa
from pydantic import TypeAdapter

from ml_platform.core.secrets import redact
from ml_platform.project import Project
from ml_platform.reporting.mlflow.client import open_client, reachable
from ml_platform.reporting.mlflow.model_registry import describe_version, mirror_champion, mirror_version
from ml_platform.reporting.mlflow.page_links import with_page_link
from ml_platform.reporting.mlflow.runs import NOTE_TAG, Record, log_record, tracked_run, write_run
from ml_platform.storage.mlflow_tables import OUTBOX
from ml_platform.storage.rows import delete_rows, insert_row

_SECTIONS = "The section *curves* of its metrics has the loss by training round and what it earned day by day."
_PATIENCE_SECONDS = 10.0
"""How long a delivery may take for records that MLflow refuses."""


@dataclass(frozen=True)
class Delivery:
    """How many records reached MLflow, how many still wait, and what stopped the first of those."""

    delivered: int
    waiting: int
    problem: str | None = None


@cache
def _format() -> TypeAdapter[Record]:
    return TypeAdapter(Record)


def keep(project: Project, record: Record) -> None:
    """Keep a record until MLflow can be reached."""
    with project.database.writing() as connection:
        insert_row(connection, OUTBOX, {"record": _format().dump_json(record).decode()})


def waiting(project: Project) -> list[tuple[int, Record]]:
    """Return the records that wait, oldest first, each with its number."""
    with project.database.reading() as connection:
        rows = connection.execute(sa.select(OUTBOX).order_by(OUTBOX.c.seq)).all()
    return [(row.seq, _format().validate_json(row.record)) for row in rows]


def count_waiting(project: Project) -> int:
    """Return how many records wait."""
    with project.database.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(OUTBOX)).scalar_one())


def is_tracked(project: Project, model: str, key: str) -> bool:
    """Return whether a version has its MLflow run, or will have it when what waits is delivered."""
    if tracked_run(project.database, model, key) is not None:
        return True
    return any((record.model, record.key) == (model, key) for _, record in waiting(project))


def track(project: Project, record: Record) -> Delivery:
    """Send a record to MLflow, or keep it where MLflow cannot be reached; what waits already goes first."""
    keep(project, record)
    return deliver(project)


def deliver(project: Project) -> Delivery:
    """Deliver what waits, oldest first. What MLflow does not take waits on, with all that belongs to it.

    A server that answers each request with an error costs seconds for each record: after some of them the rest waits.
    """
    kept = waiting(project)
    held: set[tuple[str, str]] = set()
    delivered, problem, wasted_seconds = 0, None, 0.0
    for seq, record in kept:
        if (record.model, record.key) in held:
            continue
        if (delivered == 0 or problem) and not reachable(project.mlflow_uri):
            problem = f"MLflow at {project.mlflow_address} cannot be reached"
            break
        began = time.monotonic()
        try:
            _deliver_one(project, record)
        except Exception as error:  # whatever MLflow raises, work continues without it
            held.add((record.model, record.key))
            problem = redact(f"{type(error).__name__}: {error}")[:500]
            wasted_seconds += time.monotonic() - began
            if wasted_seconds > _PATIENCE_SECONDS:
                break
            continue
        delivered += 1
        with project.database.writing() as connection:
            delete_rows(connection, OUTBOX, OUTBOX.c.seq == seq)
    return Delivery(delivered, len(kept) - delivered, problem)


def _deliver_one(project: Project, record: Record) -> None:
    client = open_client(project)
    if record.description:
        record = replace(record, description=with_page_link(project, record.model, record.description))
    if record.stage == "training":
        written = write_run(project, record)
        about = f"Every trained version of {record.model}, a run each. {_SECTIONS}"
        client.set_experiment_tag(written.experiment_id, NOTE_TAG, with_page_link(project, record.model, about))
        mirror_version(project, client, record, written.run_id)
    elif (run := tracked_run(project.database, record.model, record.key)) is not None:
        log_record(project, client, run.run_id, record)  # a version that was made without MLflow has no run to add to
        describe_version(project, client, record)
    mirror_champion(project, client, record.model)

"""Which days a model has still to predict."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from ml_platform.declarations.joins import joins_through
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.last_reading import last_reading
from ml_platform.operations.scheduling import days_to_score
from ml_platform.project import Project
from ml_platform.registry.champion import first_deployed
from ml_platform.storage.outputs import partition_instants
from ml_platform.storage.prediction_log import (
    KIND,
)


def read_until(project: Project, model_name: str, now: datetime) -> datetime:
    """Return up to when a model's population is read: `now`, or the last reading of what decides it that was earlier.

    A day is complete only if its sources were read after its end: rows of it may still come in. Feature tables and
    derived sources that decide who is asked about have the rows that their sources had when they were made.
    """
    spec = project.spec
    model = spec.models[model_name]
    deciding = [NodeName("source", name) for name in model.population.sources]
    tables = joins_through(spec, model, model.population.references)
    deciding += [NodeName("feature_table", joined.table.name) for joined in tables]
    return min(now, *(last_reading(project, node, now) for node in deciding))


def due_days(project: Project, model_name: str, now: datetime) -> tuple[date, ...]:
    """Return the days, in order, whose predictions of a model are not complete."""
    made = partition_instants(project.database, f"{model_name}/{KIND}")
    scored = {date.fromisoformat(day): at for day, at in made.items() if day}
    return days_to_score(first_deployed(project, model_name), scored, now)


def days_of_run(project: Project, models: Sequence[str], now: datetime) -> tuple[date, ...]:
    """Return the days, in order, that a run over some models scores: all from the first that is due for any of them."""
    due = {day for model in models for day in due_days(project, model, now)}
    if not due:
        return ()
    return tuple(min(due) + timedelta(days=count) for count in range((max(due) - min(due)).days + 1))

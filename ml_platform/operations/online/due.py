"""Whether the online store should be published again, and which of its tables are overdue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ml_platform.core.clock import from_micros, rounded_duration
from ml_platform.core.hashing import content_id
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.operations.online.capacities import capacities_of
from ml_platform.operations.online.content import EntityContent, contents_of, inputs_needed, tables_of
from ml_platform.operations.online.decides import publication_key
from ml_platform.operations.online.populations import populations_online
from ml_platform.operations.online.publish import online_store
from ml_platform.operations.online.ticks import overdue, readable_tick
from ml_platform.project import Project
from ml_platform.storage.online.description import Description
from ml_platform.storage.outputs import current_output


@dataclass(frozen=True)
class PublicationDue:
    """Whether a publication is due.

    Attributes
    ----------
    key
        Names what is due, so that it is requested once; None where nothing is.
    reasons
        Why, or why not.
    """

    key: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class TableAge:
    """How old a published feature table is.

    Attributes
    ----------
    tick
        That is published; None where none is.
    readable
        The tick that training could read now.
    overdue
        Whether the published tick is more than one refresh interval older.
    """

    table: str
    tick: datetime | None
    readable: datetime
    overdue: bool
    entities: int = 0

    @property
    def late_by(self) -> str:
        """How late it is, in words."""
        return "never published" if self.tick is None else rounded_duration(self.readable - self.tick)


def published_description(project: Project) -> Description:
    """Return the description that a project's online store has of its content.

    Raises
    ------
    OnlineStoreUnavailable
    """
    with online_store(project).view() as view:
        return view.description


def publication_due(project: Project, now: datetime) -> PublicationDue:
    """Return whether something else would be published now.

    That is so when a tick can be read that is not published, which the passing of time alone brings, and when inputs or
    declarations changed.
    """
    contents = contents_of(project.spec)
    ids = {node: current_output(project.database, node) for node in inputs_needed(project.spec, contents)}
    missing = [node for node, id in ids.items() if id is None]
    if missing:
        return PublicationDue(None, (f"{missing[0]} was never materialized",))
    inputs = {str(node): str(id) for node, id in ids.items()}
    described = published_description(project)
    reasons = changed_since(project, contents, inputs, described, now)
    if not reasons:
        return PublicationDue(None, ("what can be read is published",))
    ticks = {name: readable_tick(spec, now) for name, spec in _tables(project, contents).items()}
    return PublicationDue(content_id([ticks, inputs, _key(project, contents, inputs, now)]), reasons)


def changed_since(
    project: Project,
    contents: tuple[EntityContent, ...],
    inputs: Mapping[str, str],
    described: Description,
    now: datetime,
) -> tuple[str, ...]:
    """Return in words what was not published yet; nothing where all is."""
    if described.generation == 0:
        return ("never published",)
    overdue = [age for age in _ages(_tables(project, contents), described, now) if age.tick != age.readable]
    if overdue:
        return tuple(_overdue_text(age) for age in overdue)
    changed = _key(project, contents, inputs, now) != described.key
    return ("feature tables, populations or declarations changed",) if changed else ()


def _key(project: Project, contents: tuple[EntityContent, ...], inputs: Mapping[str, str], now: datetime) -> str:
    """Return what decides a publication at a moment."""
    capacities, populations = capacities_of(project, now), populations_online(project, inputs, now)
    return publication_key(project, contents, inputs, now, capacities, populations)


def table_ages(project: Project, now: datetime) -> list[TableAge]:
    """Return how old each feature table in the online store is."""
    return _ages(_tables(project, contents_of(project.spec)), published_description(project), now)


def _ages(tables: Mapping[str, FeatureTableSpec], described: Description, now: datetime) -> list[TableAge]:
    ages = []
    for name, spec in tables.items():
        published, readable = described.tables.get(name), from_micros(readable_tick(spec, now))
        if published is None:
            ages.append(TableAge(name, None, readable, overdue=True))
        else:
            late = overdue(spec, published.tick, now)
            ages.append(TableAge(name, from_micros(published.tick), readable, late, published.entities))
    return ages


def _overdue_text(age: TableAge) -> str:
    if age.tick is None:
        return f"{age.table} was never published"
    return f"{age.table} can be read at {age.readable:%Y-%m-%d %H:%M}, and {age.tick:%Y-%m-%d %H:%M} is published"


def _tables(project: Project, contents: tuple[EntityContent, ...]) -> dict[str, FeatureTableSpec]:
    return {name: project.spec.feature_tables[name] for name in tables_of(contents)}

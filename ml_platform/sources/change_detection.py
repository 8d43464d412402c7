"""Whether a source has to be read at all, as its files and the record of its last ingest show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ml_platform.core.hashing import content_id
from ml_platform.declarations.deciding import refusing_of, rows_of
from ml_platform.declarations.fingerprint import deciding_part, project_functions
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.user_code.version import code_version
from ml_platform.project import Project
from ml_platform.sources.empty_log import has_rows
from ml_platform.sources.ingest_history import CURSOR, Ingest, ReadState, last_ingest, last_marks
from ml_platform.sources.read_changed import unsettled
from ml_platform.sources.reading.reader import SourcePart
from ml_platform.sources.reading.source_columns import source_parts
from ml_platform.sources.upstream import marks_of_gone
from ml_platform.storage.database import Database

Why = Literal["never read", "restarted", "rows become known", "no fingerprint", "changed", "replaced"]


@dataclass(frozen=True)
class IngestPlan:
    """What an ingest of a source begins with.

    Attributes
    ----------
    why
        Why the source is read; None where its last ingest is up to date.
    last
        The last ingest; None before the first.
    continues
        Whether new rows are appended to those of the last ingest; else a new log begins.
    lineage, scope
        Hashes of what the declaration defines about rows, and of all that decides how they are read.
    marks
        What is remembered of each part under this scope.
    parts, changed
        What the source is read from, and what of that has to be read now.
    news
        Files that are gone since the last ingest, or there again: nothing is read for them, and an ingest reports them.
    """

    why: Why | None
    last: Ingest | None
    continues: bool
    lineage: str
    scope: str
    marks: Mapping[str, ReadState]
    parts: Sequence[SourcePart]
    changed: Sequence[SourcePart]

    news: Sequence[str] = ()

    @property
    def waits_for_rows(self) -> bool:
        """Whether the last ingest found no row yet, and there still is none."""
        return self.last is not None and self.last.lineage == self.lineage and not (self.continues or self.parts)


def look_at_source(project: Project, name: str, now: datetime) -> IngestPlan:
    """Return what of a source an ingest at `now` would read. None of its rows is read for that.

    Raises
    ------
    SourceError
        Where its files are missing or cannot be reached.
    """
    spec = project.spec.sources[name]
    lineage, scope = lineage_and_scope(project.spec, name)
    last = last_ingest(project.database, name)
    continues = last is not None and last.lineage == lineage and _has_rows(project, spec, last)
    marks = last_marks(project.database, name, scope) if continues else {}
    if last is not None and continues and now < last.at:  # what was known later is not asked for
        return IngestPlan(None, last, True, lineage, scope, marks, (), ())
    cursor = marks.get(CURSOR)
    parts = source_parts(project, spec, cursor.mark if cursor else None)
    changed = unsettled(parts, marks, now)
    why = _why(changed, marks, now) if continues else ("restarted" if last else "never read")
    if spec.replaces_parts and _are_replaced(marks, parts):
        why, changed = "replaced", list(parts)
    if spec.full is not None and changed:
        changed = list(parts)
    gone = marks_of_gone(marks, {part.name for part in parts}, now) if spec.reader.reads_files else []
    news = [mark.name for mark in gone]
    return IngestPlan(why, last, continues, lineage, scope, marks, parts, changed, news)


def lineage_and_scope(project: ProjectSpec, name: str) -> tuple[str, str]:
    """Return the hash of what a source's declaration defines about rows, and of all that decides how they are read."""
    spec, declared = project.sources[name], deciding_part(project, "source", name)
    lineage = content_id({part: value for part, value in rows_of(spec).items() if part != "full"})
    if spec.reader.model is not None:  # the predictions of another model are other rows
        lineage = content_id([lineage, spec.reader.model])
    code = code_version("source", project.root, project_functions(project, "source", name))
    full = [declared["full"]] if spec.full is not None else []  # all parts are read again where it is declared
    return lineage, content_id([lineage, declared["reader"], code, *full, *refusing_of(spec)])


def is_read_as_declared(project: ProjectSpec, database: Database, name: str) -> bool:
    """Return whether the last ingest of a source read it by this declaration; False before the first."""
    lineage, scope = lineage_and_scope(project, name)
    last = last_ingest(database, name)
    return last is not None and last.lineage == lineage and bool(last_marks(database, name, scope))


def _has_rows(project: Project, spec: SourceSpec, last: Ingest) -> bool:
    """Return whether the log has rows to continue; only that of a model which has not predicted yet may have none."""
    return not spec.reader.may_be_empty or has_rows(project.store.get("source", last.id))


def _are_replaced(marks: Mapping[str, ReadState], parts: Sequence[SourcePart]) -> bool:
    """Return whether a part that the last ingest found is gone or changed: others may hold its rows."""
    present = {part.name: part.fingerprint for part in parts}
    known = {name: mark.fingerprint for name, mark in marks.items() if name != CURSOR and mark.gone_at is None}
    return any(present.get(name) != mark for name, mark in known.items())


def _why(changed: Sequence[SourcePart], marks: Mapping[str, ReadState], now: datetime) -> Why | None:
    if not changed:
        return None
    waits = [marks[part.name].next_known_at for part in changed if part.name in marks]
    if any(at is not None and at <= now for at in waits):
        return "rows become known"
    return "no fingerprint" if all(part.fingerprint is None for part in changed) else "changed"

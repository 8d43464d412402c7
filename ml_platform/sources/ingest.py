"""Ingesting a source: read, check, and append what is new to its log, or change nothing.

- The first load takes each row's known-at from the declaration: history as it was.
- A row that becomes known only after `now` is left for a later ingest.
- Afterwards a row that should have been known by the last ingest but was not there arrived late, and
  a row whose content has changed is a correction: both are known from this ingest on, a correction with a later
  known-at of its own from that.
- A row that is no longer there is kept: upstream may hold only the newest days. Such rows are counted (`Upstream`).
  Where the source is declared ``full``, it was deleted, known from this ingest on.
- A row for which ``deletes`` holds ends the row with its key, from when it is known.
- Parts of a source (files) that are as they were when they were last read are not read again.
- Rows are read, compared and stored in batches: the engine spills beyond the project's memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from ml_platform.core.engines import DuckDB
from ml_platform.core.errors import EmptySource, SchemaChanged
from ml_platform.core.hashing import content_id, format_instant
from ml_platform.declarations.source import SourceSpec
from ml_platform.project import Project
from ml_platform.sources.add_records import with_records
from ml_platform.sources.change_detection import look_at_source
from ml_platform.sources.checks.batched import RunChecks
from ml_platform.sources.checks.freshness import check_freshness
from ml_platform.sources.checks.results import CheckResult
from ml_platform.sources.column_changes import PartColumns, beside_other_part, columns_of_parts
from ml_platform.sources.declared_places import declared_places
from ml_platform.sources.derived.derive import derived_rows
from ml_platform.sources.empty_log import empty_log
from ml_platform.sources.find_new_rows import find_new_rows
from ml_platform.sources.ingest_checks import IngestChecks
from ml_platform.sources.ingest_history import CURSOR, Ingest, ReadState, record_ingest
from ml_platform.sources.ingest_read import IngestRead
from ml_platform.sources.ingested import Ingested, RowCounts
from ml_platform.sources.log_writer import append_rows
from ml_platform.sources.new_rows import Log
from ml_platform.sources.quarantine import DirtyRows, require_few, settle_dirty_rows
from ml_platform.sources.quarantine_check import check_quarantine
from ml_platform.sources.read_changed import read_parts
from ml_platform.sources.read_rows import Reading
from ml_platform.sources.reading.reader import SourcePart, fingerprint_of
from ml_platform.sources.source_log import has_records
from ml_platform.sources.staging import Staging
from ml_platform.sources.suppression_list import leave_out
from ml_platform.sources.upstream import Upstream, far_ahead, marks_of_gone, read_upstream, upstream_of
from ml_platform.storage.ledger.anchors import seal_rows
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.materialization import Materialized


def ingest_source(project: Project, name: str, now: datetime, run_checks: RunChecks | None = None) -> Ingested:
    """Read a source and append the rows that are new to its log.

    Parameters
    ----------
    now
        Rows that become known later than this are left for later.
    run_checks
        Holds new rows against the source's expectations, before they are appended.

    Raises
    ------
    SourceError
        Where rows cannot be read as declared: nothing was written.
    ChecksFailed
        Where new rows failed an expectation of severity ``error``: they are in an artifact of kind ``quarantine``.
    """
    return _Ingestion(project, project.spec.sources[name], now, run_checks).run()


class _Ingestion:
    def __init__(self, project: Project, spec: SourceSpec, now: datetime, run_checks: RunChecks | None) -> None:
        self._project, self._spec, self._now = project, spec, now
        self._checks = IngestChecks(project.store, spec, run_checks)
        with declared_places(project.spec, spec.name):
            look = look_at_source(project, spec.name, now)
        self._look, self._marks, self._last = look, look.marks, look.last
        self._previous = self._with_records(look.last) if look.last and look.continues else None
        self._far_ahead = far_ahead(spec, project.clock)
        self._upstream = read_upstream(self._previous.upstream) if self._previous is not None else Upstream()
        self._dirty = project.store.get("quarantine", self._upstream.dirty) if self._upstream.dirty else None

    def run(self) -> Ingested:
        previous = self._previous
        if previous is not None and self._now < previous.at:
            return self._as_before(previous)
        if previous is not None and self._look.why is None:
            return self._nothing_new(previous, self._look.parts, ())
        with declared_places(self._project.spec, self._spec.name):
            if self._spec.reader.inputs:
                return self._derive(self._look.parts)
            return self._ingest(self._look.parts, self._look.changed)

    def _derive(self, parts: Sequence[SourcePart]) -> Ingested:
        """Append what follows from the inputs; where that does not continue the log, begin the log again."""
        marks = tuple(ReadState(part.name, part.fingerprint, None) for part in parts)
        with self._engine() as engine, Staging(engine) as staging:
            new = derived_rows(self._project, engine, staging, self._spec, self._number, self._log())
            if new is not None:
                return self._finish(parts, IngestRead(staging, Reading(marks), new, PartColumns()))
        self._previous = None
        return self._derive(parts)

    def _ingest(self, parts: Sequence[SourcePart], changed: Sequence[SourcePart], *, whole: bool = False) -> Ingested:
        """Read what has changed and append what is new; read everything where the changed parts are not enough."""
        changed = changed if whole else [self._appended(part) for part in changed]
        some = len(changed) < len(parts) or any(part.first_row for part in changed)
        with self._engine() as engine, Staging(engine) as staging:
            reading = self._read(staging, changed, may_be_empty=some)
            new = find_new_rows(
                engine,
                staging,
                self._spec,
                self._now,
                self._number,
                self._log(),
                partial=some,
                part_of=reading.part_of,
                starts=reading.starts_by_part if self._spec.reports_lost_rows else None,
            )
            if not new.doubtful:
                dirty = reading.dirty + new.duplicates.quarantined
                require_few(engine, staging, self._spec, reading.read, min(dirty, reading.read))
                whole = not some and not self._is_partly_read
                known = self._upstream.columns if self._marks else PartColumns()  # without marks, all is read again
                columns = columns_of_parts(self._spec, known, reading.parts)
                new = new if whole else replace(new, missing=None)
                return self._finish(parts, IngestRead(staging, reading, new, columns))
        return self._ingest(parts, parts, whole=True)

    def _appended(self, part: SourcePart) -> SourcePart:
        """Return what was appended to a file since it was read; all of it where it has changed otherwise."""
        mark = self._marks.get(part.name)
        end = mark.end if mark is not None else None
        return (part.since(end, mark.rows) if mark is not None and end is not None else None) or part

    def _finish(self, parts: Sequence[SourcePart], read: IngestRead) -> Ingested:
        reading, new = read.reading, read.new
        marks = reading.marks if new.keys is None else reading.marks_beside(self._marks, new.keys)
        if new.count or new.deletions:
            return self._append(parts, marks, read)
        if self._previous is None and self._spec.reader.may_be_empty:
            return self._nothing_yet(parts)
        if self._previous is None:
            dirty = f", and {reading.quarantined:,} of {reading.read:,} are dirty" if reading.quarantined else ""
            problem = f"none of its rows is known by {format_instant(self._now)}{dirty}"
            raise EmptySource(self._spec.name, "known_at", problem, "Correct known_at, or advance the clock.")
        return self._nothing_new(self._previous, parts, marks, read)

    @property
    def _is_partly_read(self) -> bool:
        """Whether the reader gives only some of the rows: those beyond a cursor, or the predictions of some days."""
        return self._spec.reader.model is not None or self._spec.reader.cursor is not None

    @property
    def _number(self) -> int:
        return self._last.number + 1 if self._last else 1

    def _engine(self) -> DuckDB:
        """Return DuckDB, whatever engine computes features: a read is compared in this process, and spills."""
        return DuckDB(self._project.spec.file.threads, self._project.spec.file.memory)

    # Reading ---------------------------------------------------------------

    def _read(self, staging: Staging, parts: Sequence[SourcePart], *, may_be_empty: bool) -> Reading:
        kept = leave_out(self._project, self._spec.name)
        try:
            reading = read_parts(staging, self._spec, parts, self._marks, self._now, kept, self._far_ahead)
        except SchemaChanged as error:
            raise beside_other_part(error, self._spec, self._look.parts) from None
        only_beyond = CURSOR in self._marks and self._marks[CURSOR].mark is not None
        may_be_empty = may_be_empty or only_beyond or self._spec.reader.may_be_empty
        if reading.rows + reading.dirty == 0 and not may_be_empty:
            where = self._spec.reader.label
            raise EmptySource(self._spec.name, where, "there is no row", "Give it rows, and materialize it again.")
        return reading

    def _log(self) -> Log | None:
        previous = self._previous
        return Log(self._project.store, self._artifact(previous), previous.at) if previous else None

    def _artifact(self, ingest: Ingest) -> Artifact:
        return self._project.store.get("source", ingest.id)

    def _with_records(self, last: Ingest) -> Ingest:
        """Return the last ingest; of a log of an older version, with one that records which rows were replaced."""
        log = self._artifact(last)
        if has_records(log):
            return last
        with self._engine() as engine:
            return replace(last, id=with_records(engine, self._project.store, self._spec, log, last.number + 1).id)

    # Writing ---------------------------------------------------------------

    def _append(self, parts: Sequence[SourcePart], marks: Iterable[ReadState], read: IngestRead) -> Ingested:
        checks = self._checks.of_new_rows(read.new, self._now)
        previous = self._artifact(self._previous) if self._previous else None
        artifact = append_rows(self._project.store, self._spec, previous, read.new)
        ingest = self._ingest_of(artifact.id, parts, marks, checks, read)
        self._record(ingest, parts, marks)
        seal_rows(self._project, self._now)
        return self._result(Materialized(artifact, reused=False), checks, read, ingest)

    def _nothing_new(
        self, previous: Ingest, parts: Sequence[SourcePart], marks: Iterable[ReadState], read: IngestRead | None = None
    ) -> Ingested:
        checks = self._checks.repeat(previous, self._engine)
        ingest = self._ingest_of(previous.id, parts, marks, checks, read)
        self._record(ingest, parts, marks)
        return self._as_before(ingest, read)

    def _nothing_yet(self, parts: Sequence[SourcePart]) -> Ingested:
        """Record that the model has not predicted anything yet: features of it are null, and counts 0."""
        made = empty_log(self._project.store, self._spec)
        ingest = self._ingest_of(made.artifact.id, parts, (), (), None)
        self._record(ingest, parts, ())
        return self._result(made, (), None, ingest)

    def _as_before(self, ingest: Ingest, read: IngestRead | None = None) -> Ingested:
        return self._result(Materialized(self._artifact(ingest), reused=True), ingest.checks, read, ingest)

    def _ingest_of(
        self,
        id: str,
        parts: Sequence[SourcePart],
        marks: Iterable[ReadState],
        checks: tuple[CheckResult, ...],
        read: IngestRead | None,
    ) -> Ingest:
        known = {**self._marks} | {mark.name: mark for mark in marks}
        known |= {mark.name: mark for mark in self._gone(known, parts)}
        if self._spec.replaces_parts:
            known = {name: mark for name, mark in known.items() if mark.gone_at is None}
        waits = [mark.next_known_at for mark in known.values() if mark.next_known_at is not None]
        new = read.new if read else None
        missing, deleted = (new.missing, new.deletions) if new else (None, 0)
        upstream = upstream_of(self._upstream, known.values(), missing, self._now, self._far_ahead, deleted)
        if read is not None:
            dirty = self._settled(read, parts)
            upstream = dirty.beside(upstream, self._upstream, self._now, read.new.duplicates.merged)
            upstream = replace(upstream, columns=read.columns)
        files = fingerprint_of(parts)
        return Ingest(
            number=self._number,
            at=self._now,
            id=id,
            lineage=self._look.lineage,
            fingerprint=files and content_id([files, self._look.scope]),
            next_known_at=min((at for at in waits if at > self._now), default=None),
            new_rows=new.count if new else 0,
            late=new.late if new else 0,
            corrections=new.corrections if new else 0,
            expectations=self._checks.version,
            checks=checks,
            upstream=upstream.as_text(),
        )

    def _record(self, ingest: Ingest, parts: Sequence[SourcePart], marks: Iterable[ReadState]) -> None:
        read = tuple(marks)
        others = {name: mark for name, mark in self._marks.items() if name not in {mark.name for mark in read}}
        marks = (*read, *self._gone(others, parts))
        record_ingest(self._project.database, self._spec.name, ingest, self._look.scope, marks)

    def _gone(self, marks: Mapping[str, ReadState], parts: Sequence[SourcePart]) -> list[ReadState]:
        gone = marks_of_gone(marks, {part.name for part in parts}, self._now)
        if self._spec.replaces_parts:  # a part that comes back is read again: rows may have changed meanwhile
            return [ReadState(mark.name, None, None, gone_at=mark.gone_at) for mark in gone if mark.gone_at is not None]
        return gone if self._spec.reader.reads_files else []

    def _settled(self, read: IngestRead, parts: Sequence[SourcePart]) -> DirtyRows:
        """Store the dirty rows of this ingest, before the ingest that names them is recorded."""
        present = {part.name for part in parts}
        engine, store = read.new.engine, self._project.store
        dropped = read.reading.parts_of(read.new.duplicates.dropped)
        settle = partial(settle_dirty_rows, engine, read.staging, store, self._spec, self._now)
        return settle(self._dirty, read.reading.whole, present, dropped)

    def _result(
        self, made: Materialized, checks: tuple[CheckResult, ...], read: IngestRead | None, ingest: Ingest
    ) -> Ingested:
        upstream = read_upstream(ingest.upstream)
        more = (*check_freshness(self._spec, made.artifact, self._now), *check_quarantine(self._spec, upstream))
        return Ingested(
            made=made,
            new_rows=read.new.count if read else 0,
            checks=(*checks, *more),
            late=read.new.late if read else 0,
            corrections=read.new.corrections if read else 0,
            deletions=read.new.deletions if read else 0,
            upstream=upstream,
            rows=read.counts if read else RowCounts(),
        )

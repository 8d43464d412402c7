"""Ingesting a source: read, check, and append what is new to its log, or change nothing.

- The first load takes each row's known-at from the declaration: history as it was.
- A row that becomes known only after `now` is left for a later ingest.
- Afterwards a row that should have been known by the last ingest but was not there arrived late, and
  a row whose content has changed is a correction: both are known from this ingest on.
- A row that is no longer there is kept: upstream may hold only the newest days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_platform.checks import CheckResult, ChecksFailed
from ml_platform.clock import format_duration
from ml_platform.code_version import code_version
from ml_platform.errors import EmptySource
from ml_platform.features.append import PLACES, add_records, append_rows
from ml_platform.features.chunks import parquet_bytes
from ml_platform.features.ingests import Ingest, last_ingest, record_ingest
from ml_platform.features.new_rows import NewRows, find_new_rows
from ml_platform.features.readers import fingerprint, read_rows
from ml_platform.features.schema import conform
from ml_platform.features.source_log import FOREVER, UNTIL, has_records, placed_versions, source_rows
from ml_platform.identity import content_id, format_instant, frame_id
from ml_platform.making import Made
from ml_platform.project import Project
from ml_platform.spec.deciding import deciding_part
from ml_platform.spec.source import Expectation, SourceSpec
from ml_platform.store.artifacts import Artifact

if TYPE_CHECKING:
    import pandas as pd

RunChecks = Callable[[Sequence[Expectation], "pd.DataFrame"], Sequence[CheckResult]]


@dataclass(frozen=True)
class Ingested:
    """What one ingest made of a source.

    Attributes
    ----------
    late, corrections
        How many of the new rows are known only from this ingest on, as rows of new keys and as changed ones.
    checks
        The source's checks as they now stand.
    """

    made: Made
    new_rows: int
    checks: tuple[CheckResult, ...]
    late: int = 0
    corrections: int = 0


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
        Where new rows failed an expectation of severity ``error``: they are in an artefact of kind ``quarantine``.
    """
    return _Ingestion(project, project.spec.sources[name], now, run_checks).run()


class _Ingestion:
    def __init__(self, project: Project, spec: SourceSpec, now: datetime, run_checks: RunChecks | None) -> None:
        self._project, self._spec, self._now = project, spec, now
        self._run_checks = run_checks
        self._declared = deciding_part(project.spec, "source", spec.name)
        self._lineage = content_id({name: part for name, part in self._declared.items() if name != "reader"})
        self._expectations = content_id([expected.model_dump(mode="json") for expected in spec.expectations])
        self._last = last_ingest(project.database, spec.name)
        continues = self._last is not None and self._last.lineage == self._lineage
        self._previous = self._with_records(self._last) if continues and self._last else None

    def run(self) -> Ingested:
        previous = self._previous
        if previous is not None and self._now < previous.at:
            return self._as_before(previous)
        print_before = self._fingerprint()
        if previous is not None and self._is_unchanged(previous, print_before):
            return self._nothing_new(previous, previous.next_known_at, print_before)
        new = self._find(self._read())
        if new.rows.num_rows:
            return self._append(new, print_before)
        if previous is None:
            problem = f"none of its rows is known by {format_instant(self._now)}"
            raise EmptySource(self._spec.name, "known_at", problem, "Correct known_at, or advance the clock.")
        return self._nothing_new(previous, new.next_known_at, print_before)

    def _with_records(self, last: Ingest) -> Ingest:
        """Return the last ingest; where an older version made its log, with one that tells which rows were replaced."""
        artifact = self._artifact(last)
        if has_records(artifact):
            return last
        with self._project.engine() as engine:
            rows = placed_versions(engine, self._project.store, artifact, self._spec.key, "stored_rows")
            replaced = engine.run(rows.filter(rows[UNTIL] != FOREVER).select(*PLACES.names))
        return replace(last, id=add_records(self._project.store, artifact, last.number + 1, replaced).id)

    # Reading ---------------------------------------------------------------

    def _fingerprint(self) -> str | None:
        """Return what tells whether reading again would give the same rows."""
        files = fingerprint(self._project.root, self._spec)
        return files and content_id([files, self._declared["reader"], code_version("source")])

    def _is_unchanged(self, previous: Ingest, found: str | None) -> bool:
        waits = previous.next_known_at is not None and previous.next_known_at <= self._now
        return found is not None and found == previous.fingerprint and not waits

    def _read(self) -> pa.Table:
        parts = [conform(rows, self._spec, where) for where, rows in read_rows(self._project.root, self._spec)]
        table = pa.concat_tables(parts)
        if table.num_rows == 0:
            where = str(self._spec.reader.csv or self._spec.reader.parquet or self._spec.reader.python)
            raise EmptySource(self._spec.name, where, "there is no row", "Give it rows, and materialise it again.")
        return table

    def _find(self, read: pa.Table) -> NewRows:
        number = self._last.number + 1 if self._last else 1
        stored = None
        if self._previous is not None:
            stored = (self._project.store, self._artifact(self._previous), self._previous.at)
        with self._project.engine() as engine:
            return find_new_rows(engine, self._spec, read, self._now, number, stored)

    def _artifact(self, ingest: Ingest) -> Artifact:
        return self._project.store.get("source", ingest.id)

    # Writing ---------------------------------------------------------------

    def _append(self, new: NewRows, found: str | None) -> Ingested:
        checks = self._check(new.rows)
        previous = self._artifact(self._previous) if self._previous else None
        artifact = append_rows(self._project.store, self._spec, previous, new.rows, new.replaced, new.replaced_before)
        self._record(artifact.id, found, new, checks)
        return self._result(Made(artifact, reused=False), checks, new)

    def _check(self, rows: pa.Table) -> tuple[CheckResult, ...]:
        """Return the results for new rows; set them aside where one of them stops the source."""
        results = self._results(rows)
        if any(result.blocks for result in results):
            self._quarantine(rows)
            raise ChecksFailed(f"sources/{self._spec.name}", results)
        return results

    def _results(self, rows: pa.Table) -> tuple[CheckResult, ...]:
        if self._run_checks is None or not self._spec.expectations:
            return ()
        frame = rows.select(list(self._spec.columns)).to_pandas()
        return tuple(self._run_checks(self._spec.expectations, frame))

    def _checks_again(self, previous: Ingest) -> tuple[CheckResult, ...]:
        """Return the last results; where the expectations have changed since, hold all rows against the new ones."""
        if previous.expectations == self._expectations or self._run_checks is None:
            return previous.checks
        with self._project.engine() as engine:
            rows = source_rows(engine, self._project.store, self._artifact(previous), "stored_rows")
            return self._results(engine.run(rows))

    def _quarantine(self, rows: pa.Table) -> None:
        store, id = self._project.store, frame_id(rows)
        about = {"source": self._spec.name, "rows": rows.num_rows, "at": format_instant(self._now)}
        store.write("quarantine", id, id, objects={"rows": store.put(parquet_bytes(rows))}, about=about)

    def _nothing_new(self, previous: Ingest, next_known_at: datetime | None, found: str | None) -> Ingested:
        number = previous.number + 1
        ingest = replace(
            previous,
            number=number,
            at=self._now,
            fingerprint=found,
            next_known_at=next_known_at,
            new_rows=0,
            late=0,
            corrections=0,
            expectations=self._expectations,
            checks=self._checks_again(previous),
        )
        record_ingest(self._project.database, self._spec.name, ingest)
        return self._as_before(ingest)

    def _as_before(self, ingest: Ingest) -> Ingested:
        return self._result(Made(self._artifact(ingest), reused=True), ingest.checks, None)

    def _record(self, id: str, found: str | None, new: NewRows, checks: tuple[CheckResult, ...]) -> None:
        ingest = Ingest(
            number=new.rows["_ingest"][0].as_py(),
            at=self._now,
            id=id,
            lineage=self._lineage,
            fingerprint=found,
            next_known_at=new.next_known_at,
            new_rows=new.rows.num_rows,
            late=new.late,
            corrections=new.corrections,
            expectations=self._expectations,
            checks=checks,
        )
        record_ingest(self._project.database, self._spec.name, ingest)

    def _result(self, made: Made, checks: tuple[CheckResult, ...], new: NewRows | None) -> Ingested:
        freshness = _freshness(self._spec, made.artifact, self._now)
        return Ingested(
            made=made,
            new_rows=new.rows.num_rows if new else 0,
            checks=(*checks, *freshness),
            late=new.late if new else 0,
            corrections=new.corrections if new else 0,
        )


def _freshness(spec: SourceSpec, artifact: Artifact, now: datetime) -> tuple[CheckResult, ...]:
    """Return whether the newest row became known within the declared span, where one is declared."""
    if spec.freshness is None:
        return ()
    newest = datetime.fromisoformat(artifact.about["known"][1])
    passed = now - newest <= spec.freshness
    summary: dict[str, Any] = {"newest": format_instant(newest), "limit": format_duration(spec.freshness)}
    if not passed:
        summary["problem"] = f"newest row became known {format_duration(now - newest)} ago, limit {summary['limit']}"
    return (CheckResult("freshness", passed, "error", summary),)

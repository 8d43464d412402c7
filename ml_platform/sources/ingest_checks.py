"""The expectations of a source at an ingest: of new rows, or of all rows where the expectations have changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from ml_platform.core.engines import DuckDB
from ml_platform.core.hashing import content_id
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.checks.batched import Rows, RunChecks, check_rows, counted_rows
from ml_platform.sources.checks.results import CheckResult, ChecksFailed
from ml_platform.sources.ingest_history import Ingest
from ml_platform.sources.new_rows import Log, NewRows, current_rows
from ml_platform.sources.quarantine import keep_refused_rows
from ml_platform.sources.source_log import KNOWN, source_rows
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.artifacts import ArtifactStore


class IngestChecks:
    """Runs the expectations of one source; without `run_checks`, none."""

    def __init__(self, store: ArtifactStore, spec: SourceSpec, run_checks: RunChecks | None) -> None:
        self._store, self._spec, self._run_checks = store, spec, run_checks
        self.version = content_id([expected.model_dump(mode="json") for expected in spec.expectations])
        """Hash of the expectations."""

    def of_new_rows(self, new: NewRows, now: datetime) -> tuple[CheckResult, ...]:
        """Return the results for new rows; set them aside where one of them stops the source.

        Raises
        ------
        ChecksFailed
        """
        whole = None
        if new.log is not None or new.keys_repeat:
            whole = partial(counted_rows, new.engine, new.current)
        results = self._results(Rows(new.count, new.declared), whole)
        if any(result.blocks for result in results):
            keep_refused_rows(self._store, self._spec.name, new, now)
            raise ChecksFailed(NodeName("source", self._spec.name), results)
        return results

    def repeat(self, previous: Ingest, open_engine: Callable[[], DuckDB]) -> tuple[CheckResult, ...]:
        """Return the last results; where the expectations have changed since, hold all rows against the new ones."""
        if previous.expectations == self.version or self._run_checks is None:
            return previous.checks
        artifact = self._store.get("source", previous.id)
        with open_engine() as engine:
            rows = source_rows(engine, self._store, artifact, "stored_rows").select(*self._spec.columns)
            log = Log(self._store, artifact, previous.at)
            current = current_rows(engine, log, "current_rows")
            current = current.order_by([KNOWN, *self._spec.key]).select(*self._spec.columns)
            everything = Rows(SourceManifest.of(artifact).rows, lambda: engine.batches(rows))
            return self._results(everything, partial(counted_rows, engine, lambda: current))

    def _results(self, rows: Rows, whole: Callable[[], Rows] | None) -> tuple[CheckResult, ...]:
        if self._run_checks is None or not self._spec.expectations:
            return ()
        return check_rows(self._run_checks, self._spec.expectations, rows, whole, self._spec.key)

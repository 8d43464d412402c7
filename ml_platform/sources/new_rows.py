"""The rows of a read that are new to a source's log, and what was found beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import add
from typing import Any

import ibis
import pyarrow as pa

from ml_platform.core.engines import DuckDB
from ml_platform.core.engines.ibis_functions import instant_of
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.duplicates import WithoutDuplicates
from ml_platform.sources.key_index import key_hash
from ml_platform.sources.read_rows import PartKeys
from ml_platform.sources.source_log import (
    CHUNK,
    DELETED,
    EVENT_AT,
    FOREVER,
    INGEST,
    KEY_HASH,
    KNOWN,
    KNOWN_AT,
    ROW,
    UNTIL,
    chunk_names,
    numbered_versions,
)
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import Artifact

LATE, CORRECTS, DOUBT = "_late", "_corrects", "_doubt"
LOG_CHUNK, LOG_ROW = "_log__chunk", "_log__row"


@dataclass(frozen=True)
class Log:
    """The log that a read is compared with."""

    store: ArtifactStore
    artifact: Artifact
    last_at: datetime


@dataclass(frozen=True)
class NewRows:
    """The rows to append, in an engine that is open, and what was found beside them.

    Attributes
    ----------
    rows
        They, for Ibis, in no order: `batches` has them in order.
    ended
        The rows of the log that they replace, or that are deleted, for Ibis: number of the chunk, place in it, until
        when they count, whether they are deleted. None without a log.
    late, corrections
        How many of them are known only from this ingest on: rows of new keys, and changed ones.
    deletions
        How many rows are deleted: of the log, and among the new ones.
    row_bytes
        How large they are in the mean.
    doubtful
        How many of them only the parts that were not read could explain: see `find_new_rows`.
    missing
        How many keys of the log were not read; None where not all of the source was read.
    keys
        The keys of each part by its name; None where they were not counted.
    keys_repeat
        Whether the read had several rows of one key.
    duplicates
        What was read without the rows that share key and known-at with another.
    """

    engine: DuckDB
    rows: Any
    ended: Any | None
    spec: SourceSpec
    number: int
    count: int = 0
    late: int = 0
    corrections: int = 0
    deletions: int = 0
    row_bytes: int = 0
    doubtful: int = 0
    missing: int | None = None
    keys: Mapping[str, PartKeys] | None = None
    keys_repeat: bool = False
    log: Log | None = None
    duplicates: WithoutDuplicates = field(default_factory=lambda: WithoutDuplicates(None))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, sorted by known-at and key.

        Beside the declared columns, event and known-at timestamps and the number of the ingest there are the hash of
        the key, until when the row counts, in microseconds, and whether it is deleted then.
        """
        rows = self.rows
        added = {EVENT_AT: rows[self.spec.event_timestamp], KNOWN_AT: instant_of(rows[KNOWN])}
        added |= {INGEST: ibis.literal(self.number, "int32"), KEY_HASH: key_hash(self.spec, rows)}
        rows = rows.mutate(**added).select(*self.spec.columns, *added, UNTIL, DELETED)
        return self.engine.batches(rows.order_by([KNOWN_AT, *self.spec.key]))

    def declared(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows' declared columns in the same order."""
        return self.engine.batches(self.declared_rows())

    def declared_rows(self) -> Any:
        """Return the rows' declared columns in the same order, for Ibis."""
        return self._ordered().select(*self.spec.columns)

    def current(self) -> Any:
        """Return the declared columns of the source's rows with the new ones, for Ibis: the last row of each key.

        Rows are in order of known-at and key.
        """
        rows = self.rows
        new = rows.filter(rows[UNTIL].isnull()).select(*self.spec.columns, KNOWN)
        if self.log is None or self.ended is None:
            return new.order_by([KNOWN, *self.spec.key]).select(*self.spec.columns)
        log = current_rows(self.engine, self.log, "current_rows")
        log = log.anti_join(self.ended, [CHUNK, ROW])
        both = new.union(log.select(*self.spec.columns, KNOWN))
        return both.order_by([KNOWN, *self.spec.key]).select(*self.spec.columns)

    def replaced_before(self) -> Iterator[pa.RecordBatch]:
        """Yield `ended`, sorted by chunk and place."""
        return iter(()) if self.ended is None else self.engine.batches(self.ended.order_by([CHUNK, ROW]))

    def _ordered(self) -> Any:
        return self.rows.order_by([KNOWN, *self.spec.key])


def current_rows(engine: DuckDB, log: Log, name: str) -> Any:
    """Return the rows of a log that no other has replaced, and that are not deleted, for Ibis."""
    rows = numbered_versions(engine, log.store, log.artifact, chunk_names(log.artifact), name)
    return rows.filter(rows[UNTIL] == FOREVER)


def text_bytes(spec: SourceSpec, rows: Any) -> Any:
    """Return how many signs the texts of rows have, for Ibis."""
    texts = [rows[name].length().sum().fill_null(0) for name, column in spec.columns.items() if column.type == "string"]
    return reduce(add, texts, ibis.literal(0, "int64"))

"""The log of a source: immutable chunks of rows, each known from an instant on, and a record of every ingest.

A row is known from ``_known_at`` until a later row with the same key replaces it; nothing
is ever changed or removed. The artefact of a source is the list of its chunks.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import sqlalchemy as sa

from ml_platform.checks import CheckResult
from ml_platform.code_version import code_version
from ml_platform.engine import Engine
from ml_platform.engine.functions import epoch_us
from ml_platform.errors import RefConflict
from ml_platform.features.chunks import store_chunks
from ml_platform.identity import cache_key, canonical_json, content_id, format_instant
from ml_platform.spec.source import SourceSpec
from ml_platform.store.artifacts import Artifact, ArtifactStore, StoredObject
from ml_platform.store.database import METADATA, Database, Instant

EVENT_AT, KNOWN_AT, INGEST = "_event_at", "_known_at", "_ingest"
EVENT, KNOWN, UNTIL = "_event", "_known", "_until"
FOREVER = 2**62
"""Microseconds that stand for never: a row that no other has replaced."""

INGESTS = sa.Table(
    "ingests",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("source", sa.String(80), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("lineage", sa.String(64), nullable=False),
    sa.Column("fingerprint", sa.String(64)),
    sa.Column("next_known_at", Instant),
    sa.Column("new_rows", sa.Integer, nullable=False),
    sa.Column("late", sa.Integer, nullable=False),
    sa.Column("corrections", sa.Integer, nullable=False),
    sa.Column("expectations", sa.String(64), nullable=False),
    sa.Column("checks", sa.Text, nullable=False),
    sa.UniqueConstraint("source", "number"),
)


@dataclass(frozen=True)
class Ingest:
    """One reading of a source.

    Attributes
    ----------
    number
        1 for the first; rows carry the number of the ingest that brought them.
    lineage
        Hash of what the declaration says about rows; where it changes, the log begins anew.
    fingerprint
        Of the files that were read; None for readers that have none.
    next_known_at
        When the first of the rows that were left for later becomes known.
    late, corrections
        Rows of new keys, and changed rows, that were known only by being read: their known-at is this ingest.
    expectations
        Hash of the expectations that `checks` are the results of.
    """

    number: int
    at: datetime
    id: str
    lineage: str
    fingerprint: str | None
    next_known_at: datetime | None
    new_rows: int
    late: int
    corrections: int
    expectations: str
    checks: tuple[CheckResult, ...]


def last_ingest(database: Database, source: str) -> Ingest | None:
    """Return the last ingest of a source, or None before the first."""
    query = sa.select(INGESTS).where(INGESTS.c.source == source).order_by(INGESTS.c.number.desc()).limit(1)
    with database.reading() as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        return None
    facts = {name: row[name] for name in Ingest.__dataclass_fields__ if name != "checks"}
    return Ingest(**facts, checks=tuple(CheckResult(**found) for found in json.loads(row["checks"])))


def record_ingest(database: Database, source: str, ingest: Ingest) -> None:
    """Record an ingest after its chunks are stored.

    Raises
    ------
    RefConflict
        When another ingest of the source has taken this number meanwhile; its rows stand, these do not.
    """
    row = {name: getattr(ingest, name) for name in Ingest.__dataclass_fields__} | {"source": source}
    row["checks"] = canonical_json([asdict(result) for result in ingest.checks]).decode()
    try:
        with database.writing() as connection:
            connection.execute(sa.insert(INGESTS).values(row))
    except sa.exc.IntegrityError:
        raise RefConflict(f"sources/{source}", f"ingest {ingest.number - 1}", f"ingest {ingest.number}") from None


def append_rows(
    store: ArtifactStore, spec: SourceSpec, previous: Artifact | None, rows: pa.Table, *, keys_repeat: bool
) -> Artifact:
    """Store rows, sorted by known-at and key, as new chunks behind those of `previous`."""
    number = rows[INGEST][0].as_py()
    stored = store_chunks(store, ((f"{number:06d}/{month}", part) for month, part in _months(rows)))
    chunks = [
        {
            "name": chunk.name,
            "rows": chunk.rows.num_rows,
            "id": chunk.id,
            "known_from": format_instant(chunk.rows[KNOWN_AT][0].as_py()),
        }
        for chunk in stored
    ]
    old: Mapping[str, Any] = previous.about if previous else {"chunks": [], "rows": 0, "keys_repeat": False}
    listed = [*old["chunks"], *chunks]
    about = {
        "source": spec.name,
        "columns": {name: column.type for name, column in spec.columns.items()},
        "rows": old["rows"] + rows.num_rows,
        "events": _range(rows[EVENT_AT], old.get("events")),
        "known": _range(rows[KNOWN_AT], old.get("known")),
        "keys_repeat": bool(old["keys_repeat"] or keys_repeat),
        "chunks": listed,
    }
    id = content_id({"kind": "source", "source": spec.name, "chunks": [chunk["id"] for chunk in listed]})
    objects = {**(previous.objects if previous else {}), **{chunk.name: chunk.stored for chunk in stored}}
    inputs = {"previous": previous.id} if previous else {}
    key = cache_key("source", {}, code_version("source"), {"log": id})
    return store.write("source", id, key, objects=objects, about=about, inputs=inputs)


def known_by(artifact: Artifact, instant: datetime) -> str:
    """Return the id of what a source's log tells about an instant: of the chunks with rows that were known by then.

    Rows that become known later, corrections among them, only ever come in later chunks, and change nothing of it.
    """
    until = format_instant(instant)
    return content_id([chunk["id"] for chunk in artifact.about["chunks"] if chunk["known_from"] <= until])


def _months(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    months = rows[KNOWN_AT].cast(pa.timestamp("us")).to_numpy().astype("datetime64[M]")
    starts = [0, *(np.flatnonzero(months[1:] != months[:-1]) + 1), len(months)]
    for start, end in itertools.pairwise(starts):
        yield str(months[start]), rows.slice(int(start), int(end - start))


def _range(values: pa.ChunkedArray, old: Sequence[str] | None) -> list[str]:
    found = pc.min_max(values).as_py()
    ends = [format_instant(found["min"]), format_instant(found["max"])]
    return [min(ends[0], old[0]), max(ends[1], old[1])] if old else ends


def source_rows(engine: Engine, store: ArtifactStore, artifact: Artifact, name: str) -> Any:
    """Return every row of a source for Ibis, read from its chunks where it is needed."""
    return engine.parquet(name, local_chunks(store, artifact.objects))


def local_chunks(store: ArtifactStore, objects: Mapping[str, StoredObject]) -> list[Any]:
    """Return local files with the chunks, each checked against its hash."""
    return [store.local_path(stored) for stored in objects.values()]


def source_versions(engine: Engine, store: ArtifactStore, artifact: Artifact, key: Sequence[str], name: str) -> Any:
    """Return every row of a source with the interval in which it was known, for Ibis.

    Beside the declared columns there are ``_event``, ``_known`` and ``_until`` in microseconds since 1970 UTC:
    the row is known at t where ``_known <= t < _until``.
    """
    rows = source_rows(engine, store, artifact, name)
    rows = rows.mutate(**{EVENT: epoch_us(rows[EVENT_AT]), KNOWN: epoch_us(rows[KNOWN_AT])})
    if not artifact.about["keys_repeat"]:
        return rows.mutate(**{UNTIL: ibis.literal(FOREVER, "int64")})
    later = ibis.window(group_by=list(key), order_by=[KNOWN, INGEST])
    return rows.mutate(**{UNTIL: ibis.coalesce(rows[KNOWN].lead().over(later), ibis.literal(FOREVER, "int64"))})

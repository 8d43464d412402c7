"""Which rows of a read are new to a source's log, and from when on each is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.clock import MICROSECOND, to_micros
from ml_platform.engine import Engine
from ml_platform.engine.functions import epoch_us, instant_of
from ml_platform.errors import DuplicateKey, SourceError, listed
from ml_platform.features.schema import INSTANT
from ml_platform.features.source_log import (
    EVENT_AT,
    FILE,
    FOREVER,
    INGEST,
    KNOWN,
    KNOWN_AT,
    ROW,
    UNTIL,
    placed_versions,
)
from ml_platform.spec.source import SourceSpec
from ml_platform.store.artifacts import Artifact, ArtifactStore

_LATE, _CORRECTS = "_late", "_corrects"
_LOG_FILE, _LOG_ROW = "_log__file", "_log__row"


@dataclass(frozen=True)
class NewRows:
    """The rows to append, sorted by known-at and key, and what was found beside them.

    Attributes
    ----------
    rows
        Declared columns, event and known-at timestamps, number of the ingest.
    next_known_at
        When the first of the rows that are left for later becomes known.
    replaced
        Which of the rows are replaced by later ones of them: their places among all of them, and from when on.
    replaced_before
        Which rows of the log they replace: file, place in it, and from when on.
    """

    rows: pa.Table
    late: int
    corrections: int
    next_known_at: datetime | None
    replaced: pa.Table
    replaced_before: pa.Table


def find_new_rows(
    engine: Engine,
    spec: SourceSpec,
    read: pa.Table,
    now: datetime,
    number: int,
    stored: tuple[ArtifactStore, Artifact, datetime] | None,
) -> NewRows:
    """Compare a read with the log.

    Parameters
    ----------
    read
        Declared columns in declared types.
    stored
        The log so far and the instant of its last ingest; None for a first load.

    Raises
    ------
    DuplicateKey
        Where two rows of the read share key and known-at.
    SourceError
        Where a row has no key, no event timestamp or no known-at.
    """
    dated = _with_times(spec, read)
    table = engine.arrow("read_rows", dated)
    table = table.mutate(**{KNOWN: epoch_us(table[KNOWN_AT])})
    _refuse_duplicates(engine, spec, table)
    known = table.filter(table[KNOWN] <= to_micros(now))
    chosen = _first_load(known) if stored is None else _later_load(engine, spec, known, now, stored)
    chosen = chosen.mutate(**{INGEST: ibis.literal(number, "int32")}).order_by([KNOWN, *spec.key])
    kept = engine.keep("new_rows", chosen)
    facts = engine.run(kept.aggregate(late=kept[_LATE].sum(), corrections=kept[_CORRECTS].sum())).to_pylist()[0]
    rows = engine.run(kept.order_by([KNOWN, *spec.key]).select(*dated.column_names, INGEST))
    left = dated.filter(pc.greater(dated[KNOWN_AT], pa.scalar(now, INSTANT)))[KNOWN_AT]
    replaced, before = _replaced(spec, kept)
    return NewRows(
        rows=rows,
        late=int(facts["late"] or 0),
        corrections=int(facts["corrections"] or 0),
        next_known_at=pc.min(left).as_py(),
        replaced=engine.run(replaced),
        replaced_before=engine.run(before),
    )


def _with_times(spec: SourceSpec, read: pa.Table) -> pa.Table:
    taken = [name for name in (EVENT_AT, KNOWN_AT, INGEST, KNOWN, _LATE, _CORRECTS) if name in read.column_names]
    if taken:
        raise SourceError(spec.name, "columns", f"{listed(taken)} is a name of the platform's own", "Rename it.")
    for name in (*spec.key, spec.event_timestamp, *([spec.known_at.column] if spec.known_at.column else [])):
        row = pc.index(pc.is_null(read[name]), True).as_py()
        if row >= 0:
            raise SourceError(
                spec.name,
                f"row {row + 1}",
                f"column {name} is null",
                "Every row needs its key, its event timestamp and its known-at timestamp.",
            )
    events = read[spec.event_timestamp]
    if spec.known_at.column is not None:
        known = read[spec.known_at.column]
    else:
        delay = pa.scalar((spec.known_at.delay or 0 * MICROSECOND) // MICROSECOND, pa.int64())
        known = pc.add(events.cast(pa.int64()), delay).cast(INSTANT)
    return read.append_column(EVENT_AT, events).append_column(KNOWN_AT, known)


def _refuse_duplicates(engine: Engine, spec: SourceSpec, table: Any) -> None:
    counted = table.group_by([*spec.key, KNOWN]).aggregate(_rows=table.count())
    twice = counted.filter(counted["_rows"] > 1).order_by([KNOWN, *spec.key])
    found = engine.run(twice.limit(1))
    if found.num_rows:
        row = found.to_pylist()[0]
        key = ", ".join(f"{name} {row[name]!r}" for name in spec.key)
        known = engine.run(twice.limit(1).select(at=instant_of(twice[KNOWN]))).to_pylist()[0]["at"]
        raise DuplicateKey(
            spec.name,
            f"key {key}",
            f"{row['_rows']} rows are known at {known:%Y-%m-%dT%H:%M:%S.%fZ}",
            "Remove all but one, or add the column that tells them apart to the key.",
        )


def _first_load(known: Any) -> Any:
    none = ibis.literal(0, "int64")
    nowhere = {_LOG_FILE: ibis.null("string"), _LOG_ROW: ibis.null("int64")}
    return known.mutate(**{_LATE: none, _CORRECTS: none, **nowhere})


def _later_load(
    engine: Engine, spec: SourceSpec, known: Any, now: datetime, stored: tuple[ArtifactStore, Artifact, datetime]
) -> Any:
    """Keep rows that became known since, and for each key its last row where the log does not end with it."""
    store, artifact, last_at = stored
    log = placed_versions(engine, store, artifact, spec.key, "stored_rows")
    log = log.filter(log[UNTIL] == FOREVER)
    latest = log.select(**{f"_log_{name}": log[name] for name in spec.columns}, **{_LOG_FILE: FILE, _LOG_ROW: ROW})
    by_key = ibis.window(group_by=list(spec.key), order_by=[known[KNOWN].desc()])
    known = known.mutate(_last=ibis.row_number().over(by_key) == 0, _since=known[KNOWN] > to_micros(last_at))
    both = known.left_join(latest, [known[name] == latest[f"_log_{name}"] for name in spec.key])
    changed = reduce(or_, [~both[name].identical_to(both[f"_log_{name}"]) for name in spec.columns])
    seen = both[_LOG_ROW].notnull()
    both = both.filter(both["_since"] | (both["_last"] & (~seen | changed)))
    found, seen = ~both["_since"], both[_LOG_ROW].notnull()
    moved = ibis.ifelse(both["_since"], both[KNOWN], ibis.literal(to_micros(now), "int64"))
    return both.select(
        *[name for name in known.columns if name not in (KNOWN, KNOWN_AT, "_last", "_since")],
        **{
            KNOWN: moved,
            KNOWN_AT: instant_of(moved),
            _LATE: (found & ~seen).cast("int64"),
            _CORRECTS: (found & seen).cast("int64"),
            _LOG_FILE: both[_LOG_FILE],
            _LOG_ROW: both[_LOG_ROW],
        },
    )


def _replaced(spec: SourceSpec, kept: Any) -> tuple[Any, Any]:
    """Return which of the new rows, and which rows of the log, a new row of the same key replaces."""
    by_key = ibis.window(group_by=list(spec.key), order_by=[KNOWN])
    ordered = ibis.window(order_by=[KNOWN, *spec.key])
    rows = kept.mutate(
        **{ROW: ibis.row_number().over(ordered), UNTIL: kept[KNOWN].lead().over(by_key)},
        _first=ibis.row_number().over(by_key) == 0,
    )
    before = rows.filter(rows["_first"] & rows[_LOG_FILE].notnull())
    replaced = rows.filter(rows[UNTIL].notnull())
    return replaced.select(ROW, UNTIL), before.select(**{FILE: _LOG_FILE, ROW: _LOG_ROW, UNTIL: KNOWN})

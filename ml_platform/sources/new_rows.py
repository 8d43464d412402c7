"""Which rows of a read are new to a source's log, from when on each is known, and which rows they replace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import add
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from ml_platform.core.clock import MICROSECOND, from_micros, to_micros
from ml_platform.core.engines import DuckDB
from ml_platform.core.engines.ibis_functions import epoch_us, instant_of, row_hash
from ml_platform.core.errors import DuplicateKey
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.key_index import chunks_with_keys, key_hash
from ml_platform.sources.read_changed import FRESH, PLACE, READ
from ml_platform.sources.source_log import (
    CHUNK,
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
from ml_platform.sources.staging import Staging
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.manifest import Artifact

_NEW, _REPEATED = "new_rows", "repeated_keys"
_LATE, _CORRECTS, _DOUBT = "_late", "_corrects", "_doubt"
_CONTENT = "_content"
_LOG_CHUNK, _LOG_ROW, _LOG_KNOWN = "_log__chunk", "_log__row", "_log__declared"


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
    late, corrections
        How many of them are known only from this ingest on: rows of new keys, and changed ones.
    row_bytes
        How large they are in the mean.
    doubtful
        How many of them only the parts that were not read could explain: see `find_new_rows`.
    missing
        How many keys of the log were not read; None where not all of the source was read.
    seen
        How many rows of each part have a key that the log has.
    moved
        How many rows of parts that were not read before are in the log as they are.
    keys_repeat
        Whether the read had several rows of one key.
    """

    engine: DuckDB
    rows: Any
    spec: SourceSpec
    number: int
    count: int
    late: int
    corrections: int
    row_bytes: int
    doubtful: int
    missing: int | None = None
    seen: tuple[int, ...] = ()
    moved: int = 0
    keys_repeat: bool = False
    log: Log | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, sorted by known-at and key.

        Beside the declared columns, event and known-at timestamps and the number of the ingest there are the hash of
        the key, and the known-at of the row that replaces this one, in microseconds.
        """
        rows = self.rows
        added = {EVENT_AT: rows[self.spec.event_timestamp], KNOWN_AT: instant_of(rows[KNOWN])}
        added |= {INGEST: ibis.literal(self.number, "int32"), KEY_HASH: key_hash(self.spec, rows)}
        rows = rows.mutate(**added).select(*self.spec.columns, *added, UNTIL)
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
        if self.log is None:
            return new.order_by([KNOWN, *self.spec.key]).select(*self.spec.columns)
        log = current_rows(self.engine, self.log, "current_rows")
        replaced = rows.filter(rows["_first"] & rows[_LOG_CHUNK].notnull()).select(_LOG_CHUNK, _LOG_ROW)
        log = log.anti_join(replaced, [log[CHUNK] == replaced[_LOG_CHUNK], log[ROW] == replaced[_LOG_ROW]])
        both = new.union(log.select(*self.spec.columns, KNOWN))
        return both.order_by([KNOWN, *self.spec.key]).select(*self.spec.columns)

    def replaced_before(self) -> Iterator[pa.RecordBatch]:
        """Yield which rows of the log are replaced, and from when on, by the number of their chunk and their place."""
        rows = self.rows.filter(self.rows["_first"] & self.rows[_LOG_CHUNK].notnull())
        return self.engine.batches(rows.order_by([_LOG_CHUNK, _LOG_ROW]).select(**_REPLACED))

    def _ordered(self) -> Any:
        return self.rows.order_by([KNOWN, *self.spec.key])


def current_rows(engine: DuckDB, log: Log, name: str) -> Any:
    """Return the rows of a log that no other has replaced, for Ibis."""
    rows = numbered_versions(engine, log.store, log.artifact, chunk_names(log.artifact), name)
    return rows.filter(rows[UNTIL] == FOREVER)


_REPLACED = {CHUNK: _LOG_CHUNK, ROW: _LOG_ROW, UNTIL: KNOWN}


def find_new_rows(
    engine: DuckDB,
    staging: Staging,
    spec: SourceSpec,
    now: datetime,
    number: int,
    log: Log | None,
    *,
    partial: bool,
    place: Callable[[int], str],
    starts: Sequence[int] = (),
) -> NewRows:
    """Compare what was read (the staged table `READ`) with the log.

    Parameters
    ----------
    number
        Of this ingest.
    log
        None for a first load.
    partial
        Whether parts of the source were not read. A row is then doubtful where it contradicts the log, and the part
        that the log has it from may still stand: where the log's row of its key was declared to be known later, or at
        the same instant and this row is from a new part.
    place
        Returns where a row was read, by its number.
    starts
        The number of each part's first row, where rows of the log are to be counted by part.

    Raises
    ------
    DuplicateKey
        Where two rows of the read share key and known-at.
    """
    read = staging.table(READ)
    counted = read.group_by(list(spec.key)).aggregate(_rows=read.count())
    repeated = staging.keep(_REPEATED, counted.filter(counted["_rows"] > 1).select(*spec.key))
    repeats = bool(engine.run(repeated.limit(1)).num_rows)
    if repeats:
        _refuse_duplicates(engine, spec, read.semi_join(repeated, list(spec.key)), place)
    known = read.filter(read[KNOWN] <= to_micros(now))
    several = repeated if repeats else None
    missing: int | None = None
    seen: tuple[int, ...] = ()
    moved = 0
    if log is None:
        chosen = _all(known)
    else:
        beside = _beside_log(engine, spec, _with_last(spec, _narrow(spec, known), several), log)
        if not partial or starts:
            beside = staging.keep("beside_rows", beside.select(*_BESIDE))
            places = _in_log(engine, spec, log, beside, read.filter(read[KNOWN] > to_micros(now)))
            missing = None if partial else _missing(engine, log, places)
            seen, moved = _by_part(engine, places, starts)
        decided = staging.keep("decided_rows", _compared(beside, now, log.last_at, partial=partial))
        chosen = read.select(*spec.columns, PLACE).join(decided, PLACE).drop(PLACE)
    if repeats:
        chosen = staging.keep("chosen_rows", chosen)
    kept = _with_ends(spec, chosen, several)
    if repeats or log is not None:  # else they are the rows as they were read: nothing to keep a second time
        kept = staging.keep(_NEW, kept)
    sums = {name: kept[name].cast("int64").sum() for name in (_LATE, _CORRECTS, _DOUBT)}
    facts = engine.run(kept.aggregate(rows=kept.count(), bytes=_text_bytes(spec, kept), **sums)).to_pylist()[0]
    return NewRows(
        engine=engine,
        rows=kept,
        spec=spec,
        number=number,
        count=int(facts["rows"]),
        late=int(facts[_LATE] or 0),
        corrections=int(facts[_CORRECTS] or 0),
        row_bytes=8 * len(spec.columns) + int(facts["bytes"] or 0) // max(1, facts["rows"]),
        doubtful=int(facts[_DOUBT] or 0),
        missing=missing,
        seen=seen,
        moved=moved,
        keys_repeat=repeats,
        log=log,
    )


_BESIDE = (KNOWN, FRESH, PLACE, _CONTENT, "_last", _LOG_CHUNK, _LOG_ROW, _LOG_KNOWN, f"_log_{_CONTENT}")


def _in_log(engine: DuckDB, spec: SourceSpec, log: Log, beside: Any, later: Any) -> Any:
    """Return the rows of the read whose key the log has, with the place of the log's row, for Ibis.

    Parameters
    ----------
    beside
        Rows known by now, beside the log's last row of their key.
    later
        Rows that become known later.
    """
    equal = beside[_CONTENT] == beside[f"_log_{_CONTENT}"]
    places = beside.filter(beside[_LOG_ROW].notnull()).select(
        _LOG_CHUNK, _LOG_ROW, PLACE, _moved=beside[FRESH] & equal.fill_null(False)
    )
    if not engine.run(later.limit(1)).num_rows:
        return places
    ahead = _beside_log(engine, spec, later.select(*spec.key, PLACE), log, "later_rows")
    ahead = ahead.filter(ahead[_LOG_ROW].notnull())
    return places.union(ahead.select(_LOG_CHUNK, _LOG_ROW, PLACE, _moved=ibis.literal(False)))


def _missing(engine: DuckDB, log: Log, places: Any) -> int:
    """Return how many keys of the log are in none of the rows that were read."""
    about = log.artifact.about
    held = about["rows"] - sum(record["rows"] for record in about.get("replaced", ()))
    rows = places.select(_LOG_CHUNK, _LOG_ROW).distinct()
    return int(held) - int(engine.run(rows.count().name("n").as_table())["n"][0].as_py())


def _by_part(engine: DuckDB, places: Any, starts: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Return how many of the rows each part has, and how many of them moved to a part that was not read before."""
    seen, moved = np.zeros(len(starts), np.int64), 0
    if not starts:
        return (), 0
    for batch in engine.batches(places.select(PLACE, "_moved")):
        part = np.searchsorted(starts, batch[PLACE].to_numpy(), side="right") - 1
        seen += np.bincount(part, minlength=len(starts))
        moved += batch["_moved"].true_count
    return tuple(seen.tolist()), moved


def _text_bytes(spec: SourceSpec, rows: Any) -> Any:
    texts = [rows[name].length().sum().fill_null(0) for name, column in spec.columns.items() if column.type == "string"]
    return reduce(add, texts, ibis.literal(0, "int64"))


def _refuse_duplicates(engine: DuckDB, spec: SourceSpec, rows: Any, place: Callable[[int], str]) -> None:
    ends = {"_first_place": rows[PLACE].min(), "_last_place": rows[PLACE].max()}
    counted = rows.group_by([*spec.key, KNOWN]).aggregate(_rows=rows.count(), **ends)
    twice = counted.filter(counted["_rows"] > 1).order_by([KNOWN, *spec.key])
    found = engine.run(twice.limit(1))
    if found.num_rows:
        row = found.to_pylist()[0]
        key = ", ".join(f"{name} {row[name]!r}" for name in spec.key)
        raise DuplicateKey(
            spec.name,
            f"key {key}",
            f"{row['_rows']} rows are known at {format_instant(from_micros(row[KNOWN]))} "
            f"({place(row['_first_place'])} and {place(row['_last_place'])})",
            "Remove all but one, or add the column that tells them apart to the key.",
        )


def _all(known: Any) -> Any:
    no = ibis.literal(False)
    nowhere = {_LOG_CHUNK: ibis.null("int64"), _LOG_ROW: ibis.null("int64")}
    return known.drop(FRESH, PLACE).mutate(**{_LATE: no, _CORRECTS: no, _DOUBT: no, **nowhere})


def _narrow(spec: SourceSpec, rows: Any) -> Any:
    """Return what is compared of rows: keys, times, and a hash of what they hold, so that no wide row is joined.

    That a changed row has the hash of the unchanged one happens once in 2^64 times.
    """
    content = row_hash([rows[name] for name in spec.columns])
    return rows.select(*spec.key, KNOWN, FRESH, PLACE, **{_CONTENT: content})


def _compared(both: Any, now: datetime, last_at: datetime, *, partial: bool) -> Any:
    """Keep rows that became known since, and for each key its last row where the log does not end with it."""
    seen = both[_LOG_ROW].notnull()
    changed = both[_CONTENT] != both[f"_log_{_CONTENT}"]
    since = both[KNOWN] > to_micros(last_at)
    earlier = changed & (both[KNOWN] < both[_LOG_KNOWN])
    doubt = ibis.literal(partial) & ~since & seen & (earlier | (both[FRESH] & (both[KNOWN] == both[_LOG_KNOWN])))
    both = both.mutate(_since=since, _seen=seen, _changed=changed, **{_DOUBT: doubt.fill_null(False)})
    both = both.filter(both["_since"] | (both["_last"] & (~both["_seen"] | both["_changed"] | both[_DOUBT])))
    return both.select(
        PLACE,
        _DOUBT,
        _LOG_CHUNK,
        _LOG_ROW,
        **{
            KNOWN: ibis.ifelse(both["_since"], both[KNOWN], ibis.literal(to_micros(now), "int64")),
            _LATE: ~both["_since"] & ~both["_seen"],
            _CORRECTS: ~both["_since"] & both["_seen"],
        },
    )


def _with_last(spec: SourceSpec, known: Any, repeated: Any | None) -> Any:
    """Tell of each row whether it is the last of its key."""
    if repeated is None:
        return known.mutate(_last=ibis.literal(True))
    several = known.semi_join(repeated, list(spec.key))
    last = several.group_by(list(spec.key)).aggregate(_last_known=several[KNOWN].max())
    last = last.rename({f"_of_{name}": name for name in spec.key})
    joined = known.left_join(last, [known[name] == last[f"_of_{name}"] for name in spec.key])
    is_last = joined["_last_known"].isnull() | (joined["_last_known"] == joined[KNOWN])
    return joined.select(*known.columns, _last=is_last)


def _beside_log(engine: DuckDB, spec: SourceSpec, known: Any, log: Log, name: str = "stored_rows") -> Any:
    """Join each row with the log's last row of its key, of which only the chunks that may hold such keys are read."""
    chunks = chunks_with_keys(engine, log.store, log.artifact, spec, known)
    content = f"_log_{_CONTENT}"
    if not chunks:
        numbers = dict.fromkeys((_LOG_CHUNK, _LOG_ROW, _LOG_KNOWN), ibis.null("int64"))
        return known.mutate(**numbers, **{content: ibis.null("uint64")})
    rows = numbered_versions(engine, log.store, log.artifact, chunks, name)
    rows = rows.filter(rows[UNTIL] == FOREVER)
    last = rows.select(
        **{f"_log_{name}": rows[name] for name in spec.key},
        **{_LOG_CHUNK: rows[CHUNK], _LOG_ROW: rows[ROW], _LOG_KNOWN: _declared_known(spec, rows)},
        **{content: row_hash([rows[name] for name in spec.columns])},
    )
    return known.left_join(last, [known[name] == last[f"_log_{name}"] for name in spec.key])


def _declared_known(spec: SourceSpec, rows: Any) -> Any:
    """Return when a row of the log would be known by its declaration, whenever it came."""
    if spec.known_at.column is not None:
        return epoch_us(rows[spec.known_at.column])
    delay = (spec.known_at.delay or 0 * MICROSECOND) // MICROSECOND
    return epoch_us(rows[spec.event_timestamp]) + ibis.literal(delay, "int64")


def _with_ends(spec: SourceSpec, rows: Any, repeated: Any | None) -> Any:
    """Tell of each row when the next one of its key replaces it, and whether it is the first of its key."""
    if repeated is None:
        return rows.mutate(**{UNTIL: ibis.null("int64")}, _first=ibis.literal(True))
    single = rows.anti_join(repeated, list(spec.key))
    several = rows.semi_join(repeated, list(spec.key))
    by_key = ibis.window(group_by=list(spec.key), order_by=[KNOWN])
    ends = {UNTIL: several[KNOWN].lead().over(by_key), "_first": several[KNOWN].lag().over(by_key).isnull()}
    single = single.mutate(**{UNTIL: ibis.null("int64")}, _first=ibis.literal(True))
    return single.union(several.mutate(**ends))

"""Holding what was read of a source against its log: which rows are new, late, corrections or in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import ibis
import pyarrow as pa

from ml_platform.core.clock import MICROSECOND, to_micros
from ml_platform.core.engines import DuckDB
from ml_platform.core.engines.ibis_functions import epoch_us, row_hash
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.deletions import require_few
from ml_platform.sources.dirty_rows import DIRTY, PART
from ml_platform.sources.key_index import chunks_with_keys
from ml_platform.sources.new_rows import CORRECTS, DOUBT, LATE, LOG_CHUNK, LOG_ROW, Log, current_rows
from ml_platform.sources.part_keys import ENTERS, KEY, MOVED, SEEN, key_of, keys_by_part
from ml_platform.sources.read_changed import DELETES, FRESH, PLACE
from ml_platform.sources.read_rows import PartKeys
from ml_platform.sources.source_log import (
    CHUNK,
    FOREVER,
    INGEST,
    KNOWN,
    ROW,
    UNTIL,
    numbered_versions,
)
from ml_platform.sources.staging import Staging
from ml_platform.storage.artifact_kinds.source import SourceManifest

_CONTENT, _LOG_KNOWN, _WAS_DELETED = "_content", "_log__declared", "_log__deleted"
_OF_LOG = (LOG_CHUNK, LOG_ROW, _LOG_KNOWN, _WAS_DELETED, f"_log_{_CONTENT}")
_BESIDE = (KNOWN, FRESH, PLACE, DELETES, _CONTENT, KEY, "_last", *_OF_LOG)
_NO = ibis.literal(False)


@dataclass(frozen=True)
class LogComparison:
    """What a comparison with the log chose and found.

    Attributes
    ----------
    rows
        The rows to append, for Ibis, with how each compares with the log.
    deleted
        The rows of the log that this load of the whole source lacks, by chunk and place, for Ibis; None where there
        are none, or where a missing row is no deleted one.
    lost
        How many these are.
    missing, keys
        As in `NewRows`.
    """

    rows: Any
    deleted: Any | None = None
    lost: int = 0
    missing: int | None = None
    keys: Mapping[str, PartKeys] | None = None


def without_log(
    engine: DuckDB, staging: Staging, spec: SourceSpec, read: Any, now: datetime, starts: Mapping[str, int] | None
) -> LogComparison:
    """Choose every row that is known by now: there is no log yet."""
    known, keys = read.filter(read[KNOWN] <= to_micros(now)), None
    if starts is not None:
        rows = _placed(known, key_of(spec, known), seen=_NO, enters=~known[DELETES])
        keys = keys_by_part(engine, spec, rows, staging.table(DIRTY), starts)
    return LogComparison(_all(known), keys=keys)


def compare_with_log(
    engine: DuckDB,
    staging: Staging,
    spec: SourceSpec,
    read: Any,
    now: datetime,
    log: Log,
    repeated: Any | None,
    *,
    partial: bool,
    starts: Mapping[str, int] | None,
) -> LogComparison:
    """Choose the rows of a read that the log does not have; the source still has the keys of dirty rows.

    Parameters
    ----------
    read
        All rows that were read, for Ibis.
    repeated
        The keys of which the read has several rows, for Ibis; None where there are none.
    partial, starts
        As in `find_new_rows`.
    """
    known, later = read.filter(read[KNOWN] <= to_micros(now)), read.filter(read[KNOWN] > to_micros(now))
    beside = _beside_log(engine, spec, _with_last(spec, _narrow(spec, known), repeated), log)
    missing: int | None = None
    keys: Mapping[str, PartKeys] | None = None
    deleted: Any | None = None
    lost = 0
    if not partial or starts is not None:
        beside, dirty = staging.keep("beside_rows", beside.select(*_BESIDE)), staging.table(DIRTY)
        rows = _beside_keys(engine, spec, log, beside, later, dirty, starts or {})
        if starts is not None:
            keys = keys_by_part(engine, spec, rows, dirty, starts)
        held = rows.filter(rows[LOG_ROW].notnull()).select(LOG_CHUNK, LOG_ROW)
        missing = None if partial else _missing(engine, log, held)
        if missing and spec.full is not None and not _has_row_without_key(engine, spec, dirty):
            require_few(spec, missing, _count_of_keys(log))
            deleted, lost, missing = staging.keep("deleted_rows", _not_in(engine, log, held)), missing, 0
    decided = staging.keep("decided_rows", _compared(spec, beside, now, log.last_at, partial=partial))
    chosen = read.select(*spec.columns, PLACE).join(decided, PLACE).drop(PLACE)
    return LogComparison(chosen, deleted, lost, missing, keys)


def _beside_keys(
    engine: DuckDB, spec: SourceSpec, log: Log, beside: Any, later: Any, dirty: Any, starts: Mapping[str, int]
) -> Any:
    """Return all rows of the read, dirty ones that have a key too, beside the log's row of their key, for Ibis.

    Where the log's row was deleted, its place is null.

    Parameters
    ----------
    beside
        Rows known by now, beside the log's last row of their key.
    later
        Rows that become known later.
    """
    equal = beside[_CONTENT] == beside[f"_log_{_CONTENT}"]
    moved = beside[FRESH] & equal.fill_null(False) & beside[LOG_ROW].notnull()
    rows = _placed(beside, beside[KEY], seen=_is_seen(beside), enters=~beside[DELETES], moved=moved)
    if engine.run(later.limit(1)).num_rows:
        ahead = _beside_log(engine, spec, later.select(*spec.key, PLACE), log, "later_rows")
        rows = rows.union(_placed(ahead, key_of(spec, ahead), seen=_is_seen(ahead)))
    if engine.run(dirty.limit(1)).num_rows:
        named = dirty.filter([dirty[name].notnull() for name in spec.key]).select(*spec.key, PART)
        begins = pa.table({PART: pa.array(starts, pa.string()), PLACE: pa.array(starts.values(), pa.int64())})
        named = named.left_join(engine.arrow("begins_of_dirty_parts", begins), PART).select(*spec.key, PLACE)
        there = _beside_log(engine, spec, named, log, "rows_of_dirty_keys")
        rows = rows.union(_placed(there, key_of(spec, there), seen=_is_seen(there)))
    return rows


def _placed(rows: Any, key: Any, *, seen: Any, enters: Any = _NO, moved: Any = _NO) -> Any:
    """Return what `keys_by_part` takes of rows, with the place in the log of the row of their key."""
    nowhere = ibis.null("int64")
    place = {name: rows[name] if name in rows.columns else nowhere for name in (LOG_CHUNK, LOG_ROW)}
    return rows.select(PLACE, **place, **{KEY: key, SEEN: seen, ENTERS: enters, MOVED: moved})


def _is_seen(rows: Any) -> Any:
    return rows[LOG_ROW].notnull() | rows[_WAS_DELETED]


def _has_row_without_key(engine: DuckDB, spec: SourceSpec, dirty: Any) -> bool:
    """Return whether a dirty row has no key: then it may be the row of any key that seems to be missing."""
    no_key = reduce(or_, [dirty[name].isnull() for name in spec.key])
    return bool(engine.run(dirty.filter(no_key).limit(1)).num_rows)


def _count_of_keys(log: Log) -> int:
    """Return how many keys the log has."""
    about = SourceManifest.of(log.artifact)
    return about.rows - sum(record.rows for record in about.records)


def _missing(engine: DuckDB, log: Log, held: Any) -> int:
    """Return how many keys of the log are in none of the rows that were read.

    Parameters
    ----------
    held
        The places in the log of the rows that were read, dirty ones among them, for Ibis.
    """
    rows = held.distinct()
    return _count_of_keys(log) - int(engine.run(rows.count().name("n").as_table())["n"][0].as_py())


def _not_in(engine: DuckDB, log: Log, places: Any) -> Any:
    """Return the rows of the log that are in none of the rows that were read, by chunk and place, for Ibis."""
    held = current_rows(engine, log, "held_rows").select(CHUNK, ROW)
    return held.anti_join(places, [held[CHUNK] == places[LOG_CHUNK], held[ROW] == places[LOG_ROW]])


def _all(known: Any) -> Any:
    no = ibis.literal(False)
    nowhere = {LOG_CHUNK: ibis.null("int64"), LOG_ROW: ibis.null("int64")}
    return known.drop(FRESH, PLACE).mutate(**{LATE: no, CORRECTS: no, DOUBT: no, **nowhere})


def _narrow(spec: SourceSpec, rows: Any) -> Any:
    """Return what is compared of rows: keys, times, and a hash of what they hold, so that no wide row is joined.

    That a changed row has the hash of the unchanged one happens once in 2^64 times.
    """
    content = row_hash([rows[name] for name in spec.columns])
    return rows.select(*spec.key, KNOWN, FRESH, PLACE, DELETES, **{_CONTENT: content, KEY: key_of(spec, rows)})


def _compared(spec: SourceSpec, both: Any, now: datetime, last_at: datetime, *, partial: bool) -> Any:
    """Keep rows that became known since, and for each key its last row where the log does not end with it.

    A row that deletes another, and came late, is kept only where there is something to delete.
    """
    seen, deletes = both[LOG_ROW].notnull(), both[DELETES]
    changed = (both[_CONTENT] != both[f"_log_{_CONTENT}"]) | (seen & deletes)
    since = both[KNOWN] > to_micros(last_at)
    earlier = changed & (both[KNOWN] < both[_LOG_KNOWN])
    judged = ibis.literal(spec.duplicates not in (None, "fail"))  # which of two rows holds needs both of them
    same_known = (both[KNOWN] == both[_LOG_KNOWN]) & (both[FRESH] | (judged & changed))
    contradicts = seen & (earlier | same_known)
    returns = both["_last"] & both[_WAS_DELETED] & ~deletes  # what deleted it may be in a part that was not read
    doubt = ibis.literal(partial) & ~since & (contradicts | returns)
    both = both.mutate(_since=since, _seen=seen, _changed=changed, **{DOUBT: doubt.fill_null(False)})
    appears = ~both["_seen"] & ~both[DELETES]
    both = both.filter(both["_since"] | (both["_last"] & (appears | both["_changed"] | both[DOUBT])))
    return both.select(
        PLACE,
        DELETES,
        DOUBT,
        LOG_CHUNK,
        LOG_ROW,
        **{
            KNOWN: ibis.ifelse(both["_since"], both[KNOWN], ibis.literal(to_micros(now), "int64")),
            LATE: ~both["_since"] & ~both["_seen"],
            CORRECTS: ~both["_since"] & both["_seen"],
        },
    )


def _with_last(spec: SourceSpec, known: Any, repeated: Any | None) -> Any:
    """Mark for each row whether it is the last of its key."""
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
        numbers = dict.fromkeys((LOG_CHUNK, LOG_ROW, _LOG_KNOWN), ibis.null("int64"))
        return known.mutate(**numbers, **{content: ibis.null("uint64"), _WAS_DELETED: ibis.literal(False)})
    rows = _last_rows(spec, numbered_versions(engine, log.store, log.artifact, chunks, name))
    deleted = rows[UNTIL] != FOREVER
    place = {LOG_CHUNK: rows[CHUNK], LOG_ROW: rows[ROW], _LOG_KNOWN: _declared_known(spec, rows)}
    if spec.may_delete:
        place = {name: ibis.ifelse(deleted, ibis.null("int64"), value) for name, value in place.items()}
    last = rows.select(
        **{f"_log_{name}": rows[name] for name in spec.key},
        **place,
        **{content: row_hash([rows[name] for name in spec.columns]), "_log__until": rows[UNTIL]},
    )
    both = known.left_join(last, [known[name] == last[f"_log_{name}"] for name in spec.key])
    return both.mutate(**{_WAS_DELETED: (both["_log__until"] != FOREVER).fill_null(False)})


def _last_rows(spec: SourceSpec, rows: Any) -> Any:
    """Return the last row of each key: one that counts, or one that was deleted."""
    if not spec.may_delete:
        return rows.filter(rows[UNTIL] == FOREVER)
    order = [rows[name].desc() for name in (UNTIL, KNOWN, INGEST)]
    number = ibis.row_number().over(ibis.window(group_by=list(spec.key), order_by=order))
    numbered = rows.mutate(_number=number)
    return numbered.filter(numbered["_number"] == 0).drop("_number")


def _declared_known(spec: SourceSpec, rows: Any) -> Any:
    """Return when a row of the log would be known by its declaration, whenever it came."""
    if spec.known_at.column is not None:
        return epoch_us(rows[spec.known_at.column])
    delay = (spec.known_at.delay or 0 * MICROSECOND) // MICROSECOND
    return epoch_us(rows[spec.event_timestamp]) + ibis.literal(delay, "int64")

"""Which rows of a read are new to a source's log, from when on each is known, and which rows they replace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import ibis

from ml_platform.core.clock import to_micros
from ml_platform.core.engines import DuckDB
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.duplicates import WithoutDuplicates, without_duplicates
from ml_platform.sources.log_comparison import LogComparison, compare_with_log, without_log
from ml_platform.sources.new_rows import CORRECTS, DOUBT, LATE, LOG_CHUNK, LOG_ROW, Log, NewRows, text_bytes
from ml_platform.sources.read_changed import DELETES, READ
from ml_platform.sources.source_log import CHUNK, DELETED, KNOWN, ROW, UNTIL
from ml_platform.sources.staging import Staging

_NEW, _REPEATED = "new_rows", "repeated_keys"
_ENDS = "_ends_row"


def find_new_rows(
    engine: DuckDB,
    staging: Staging,
    spec: SourceSpec,
    now: datetime,
    number: int,
    log: Log | None,
    *,
    partial: bool,
    part_of: Callable[[int], tuple[str, int]],
    starts: Mapping[str, int] | None = None,
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
        that the log has it from may still be valid: where the log's row of its key was declared to be known later, or
        at the same instant and this row is from a new part.
    part_of
        Returns the part that a row was read from and its number in it, by its number in the reading.
    starts
        The number of each part's first row by its name, where keys are to be counted by part.

    Raises
    ------
    DuplicateKey
        Where two rows of the read share key and known-at, unless the source declares otherwise.
    """
    duplicates, repeated = _distinct(engine, staging, spec, now, part_of)
    read = duplicates.rows
    if log is None:
        compared = without_log(engine, staging, spec, read, now, starts)
    else:
        compared = compare_with_log(engine, staging, spec, read, now, log, repeated, partial=partial, starts=starts)
    chosen = compared.rows if repeated is None else staging.keep("chosen_rows", compared.rows)
    kept = _with_ends(spec, chosen, repeated)
    if repeated is not None or log is not None:  # else they are the rows as they were read
        kept = staging.keep(_NEW, kept)
    rows = kept if spec.deletes is None else kept.filter(~kept[DELETES])
    ended = None if log is None else _ended(kept, compared, now)
    new = NewRows(engine, rows, ended, spec, number, keys_repeat=repeated is not None, log=log, duplicates=duplicates)
    new = replace(new, missing=compared.missing, keys=compared.keys)
    return _counted(new, kept, compared)


def _distinct(
    engine: DuckDB, staging: Staging, spec: SourceSpec, now: datetime, part_of: Callable[[int], tuple[str, int]]
) -> tuple[WithoutDuplicates, Any | None]:
    """Return what was read without duplicates, and the keys of which it then has several rows; None for none."""
    read = staging.table(READ)
    repeated = _repeated_keys(engine, staging, spec, read)
    if repeated is None:
        return WithoutDuplicates(read), None
    distinct = without_duplicates(engine, staging, spec, read, repeated, now, part_of)
    return distinct, _repeated_keys(engine, staging, spec, distinct.rows) if len(distinct.dropped) else repeated


def _ended(kept: Any, compared: LogComparison, now: datetime) -> Any:
    """Return the rows of the log that end: by the first row of their key, or because the load lacks them."""
    first = kept.filter(kept["_first"] & kept[LOG_CHUNK].notnull())
    ended = first.select(**{CHUNK: LOG_CHUNK, ROW: LOG_ROW, UNTIL: KNOWN, DELETED: DELETES})
    if compared.deleted is None:
        return ended
    gone = {UNTIL: ibis.literal(to_micros(now), "int64"), DELETED: ibis.literal(True)}
    return ended.union(compared.deleted.mutate(**gone))


def _repeated_keys(engine: DuckDB, staging: Staging, spec: SourceSpec, read: Any) -> Any | None:
    """Return the keys of which the read has several rows, for Ibis; None where there are none."""
    counted = read.group_by(list(spec.key)).aggregate(_rows=read.count())
    repeated = staging.keep(_REPEATED, counted.filter(counted["_rows"] > 1).select(*spec.key))
    return repeated if engine.run(repeated.limit(1)).num_rows else None


def _counted(new: NewRows, kept: Any, compared: LogComparison) -> NewRows:
    """Return new rows with their counts and their mean size.

    Parameters
    ----------
    kept
        They, with the rows that delete others.
    """
    spec, stays = new.spec, ~kept[DELETES]
    sums = {name: (kept[name] & stays).cast("int64").sum() for name in (LATE, CORRECTS)}
    sums |= {name: kept[name].cast("int64").sum() for name in (DOUBT, _ENDS)}
    counts = {"rows": stays.cast("int64").sum().fill_null(0), "bytes": text_bytes(spec, kept)}
    facts = new.engine.run(kept.aggregate(**counts, **sums)).to_pylist()[0]
    return replace(
        new,
        count=int(facts["rows"]),
        late=int(facts[LATE] or 0),
        corrections=int(facts[CORRECTS] or 0),
        deletions=int(facts[_ENDS] or 0) + compared.lost,
        row_bytes=8 * len(spec.columns) + int(facts["bytes"] or 0) // max(1, facts["rows"]),
        doubtful=int(facts[DOUBT] or 0),
    )


def _with_ends(spec: SourceSpec, rows: Any, repeated: Any | None) -> Any:
    """Add to each row when the next one of its key replaces or deletes it, and whether it is the first of its key.

    And whether it deletes a row: one of the log, or the one before it.
    """
    ends = {UNTIL: ibis.null("int64"), DELETED: ibis.literal(False), "_first": ibis.literal(True)}
    if repeated is None:
        return rows.mutate(**ends, **{_ENDS: rows[DELETES] & rows[LOG_CHUNK].notnull()})
    single = rows.anti_join(repeated, list(spec.key))
    single = single.mutate(**ends, **{_ENDS: single[DELETES] & single[LOG_CHUNK].notnull()})
    several = rows.semi_join(repeated, list(spec.key))
    by_key = ibis.window(group_by=list(spec.key), order_by=[KNOWN])
    first = several[KNOWN].lag().over(by_key).isnull()
    before = ibis.ifelse(first, several[LOG_CHUNK].notnull(), ~several[DELETES].lag().over(by_key))
    ends = {
        UNTIL: several[KNOWN].lead().over(by_key),
        DELETED: several[DELETES].lead().over(by_key).fill_null(False),
        "_first": first,
        _ENDS: several[DELETES] & before,
    }
    return single.union(several.mutate(**ends))

"""How many different keys of each part a log has, and how many of them this ingest brings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ml_platform.core.engines import DuckDB
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.dirty_rows import HANDLED, PART, QUARANTINED
from ml_platform.sources.key_counts import GROUPS, counts_of
from ml_platform.sources.key_index import key_hash
from ml_platform.sources.read_changed import PLACE
from ml_platform.sources.read_rows import PartKeys

KEY, SEEN, ENTERS, MOVED = "_key", "_seen", "_enters", "_moved"
_START, _NAME, _GROUP = "_start", "_name", "_group"


def key_of(spec: SourceSpec, rows: Any) -> Any:
    """Return a hash of each row's key, for Ibis, the same at each ingest; two keys share one once in 2^64 times."""
    return key_hash(spec, rows)


def keys_by_part(
    engine: DuckDB, spec: SourceSpec, rows: Any, dirty: Any, starts: Mapping[str, int]
) -> dict[str, PartKeys]:
    """Return the keys of each part by its name.

    Parameters
    ----------
    rows
        Rows with ``KEY``, ``PLACE``, ``SEEN`` (the log has or had the key), ``ENTERS`` (the row comes into the log with
        its key) and ``MOVED``, for Ibis.
    dirty
        Dirty rows, for Ibis.
    starts
        The number of each part's first row.
    """
    if not starts:
        return {}
    parts = {start: name for name, start in starts.items()}  # of parts that begin alike, all but the last are empty
    begins = pa.table({_START: pa.array(sorted(parts), pa.int64()), _NAME: [parts[start] for start in sorted(parts)]})
    table = engine.arrow("parts_that_begin", begins)
    placed = rows.asof_join(table, rows[PLACE] >= table[_START])
    flags = {name: placed[name].cast("int8").max() for name in (SEEN, ENTERS, MOVED)}
    keys = placed.group_by([_NAME, KEY]).aggregate(**flags)
    new = (keys[ENTERS] == 1) & (keys[SEEN] == 0)
    sums = {"held": keys[SEEN].sum(), "new": new.cast("int64").sum(), "moved": keys[MOVED].sum()}
    keys = keys.mutate(**{_GROUP: keys[KEY] % GROUPS})
    counted: dict[str, list[dict[str, Any]]] = {}
    for row in engine.run(keys.group_by([_NAME, _GROUP]).aggregate(**sums)).to_pylist():
        counted.setdefault(row[_NAME], []).append(row)
    unclear = _without_key(engine, spec, dirty)
    return {name: _part_keys(counted.get(name, []), unclear.get(name, 0)) for name in starts}


def _part_keys(groups: list[dict[str, Any]], unclear: int) -> PartKeys:
    held, new = (counts_of({row[_GROUP]: row[name] for row in groups}) for name in ("held", "new"))
    return PartKeys(held, new, sum(row["moved"] for row in groups), unclear)


def _without_key(engine: DuckDB, spec: SourceSpec, dirty: Any) -> dict[str, int]:
    no_key = dirty[spec.key[0]].isnull()
    for name in spec.key[1:]:
        no_key |= dirty[name].isnull()
    rows = dirty.filter((dirty[HANDLED] == QUARANTINED) & no_key)
    counted = engine.run(rows.group_by(PART).aggregate(_rows=rows.count())).to_pylist()
    return {row[PART]: row["_rows"] for row in counted}

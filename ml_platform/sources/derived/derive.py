"""What of a derived source's rows is new to its log.

The rows and their intervals follow from the logs of the inputs alone, whenever a derived source is ingested. Where they
continue its log, rows are appended and ended as in any source. Where they do not, as when a late row of an input was
known before rows that the log has, a new log begins: the log always agrees with the inputs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ibis
import pyarrow as pa

from ml_platform.core.clock import from_micros
from ml_platform.core.engines import DuckDB
from ml_platform.core.engines.ibis_functions import instant_of, row_hash
from ml_platform.core.errors import DuplicateKey
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.derived_query import KNOWN_COLUMN, read_query
from ml_platform.declarations.resolve import column_types
from ml_platform.declarations.source import SourceSpec
from ml_platform.project import Project
from ml_platform.sources.conform import TYPES, conform
from ml_platform.sources.derived.inputs import input_ingest
from ml_platform.sources.derived.versions import query_versions
from ml_platform.sources.dirty_rows import DIRTY, dirty_schema
from ml_platform.sources.new_rows import Log, NewRows, text_bytes
from ml_platform.sources.row_times import require_times
from ml_platform.sources.source_log import (
    CHUNK,
    DELETED,
    FOREVER,
    KNOWN,
    ROW,
    UNTIL,
    chunk_names,
    numbered_versions,
    source_versions,
)
from ml_platform.sources.staging import Staging
from ml_platform.sources.suppression_list import leave_out

_RAW, _CONTENT, _CORRECTS = "raw_rows", "_content", "_corrects"
_LOG = "_log_"


def derived_rows(
    project: Project, engine: DuckDB, staging: Staging, spec: SourceSpec, number: int, log: Log | None
) -> NewRows | None:
    """Return the rows of a derived source that its log does not have; None where its log cannot be continued.

    Raises
    ------
    SourceError
        Where a row has no key or event timestamp, or a value is not as declared.
    DuplicateKey
        Where two rows of one key are known at one moment.
    """
    _stage(project, engine, staging, spec)
    versions = staging.keep("derived_versions", _versions(engine, spec, staging.table(_RAW)))
    new, ended = versions, None
    if log is not None:
        beside = staging.keep("beside_log", _beside_log(engine, spec, versions, log))
        if not _continues(engine, beside):
            return None
        new = beside.filter(beside[KNOWN].notnull() & beside[f"{_LOG}{ROW}"].isnull())
        ended = beside.filter((beside[f"{_LOG}{UNTIL}"] == FOREVER) & (beside[UNTIL] < FOREVER))
        ended = ended.select(**{CHUNK: f"{_LOG}{CHUNK}", ROW: f"{_LOG}{ROW}"}, **{UNTIL: UNTIL, DELETED: DELETED})
    until = ibis.ifelse(new[UNTIL] == FOREVER, ibis.null("int64"), new[UNTIL])
    new = new.mutate(**{UNTIL: until}).select(*spec.columns, KNOWN, UNTIL, DELETED, _CORRECTS)
    return _counted(NewRows(engine, new, ended, spec, number, log=log))


def _stage(project: Project, engine: DuckDB, staging: Staging, spec: SourceSpec) -> None:
    """Compute the query, and stage its rows in their declared types."""
    written = {name: column for name, column in spec.columns.items() if name != KNOWN_COLUMN}
    computed = spec.model_copy(update={"columns": written})
    types = {name: column_types(source) for name, source in project.spec.sources.items()}

    def input_rows(source: str, name: str) -> Any:
        artifact = project.store.get("source", input_ingest(project, spec, source).id)
        return source_versions(engine, project.store, artifact, project.spec.sources[source].key, name)

    rows = query_versions(engine, staging, read_query(spec.reader.value, types), input_rows)
    kept = leave_out(project, spec.name)
    first = 0
    for batch in engine.batches(rows.select(*written, KNOWN, UNTIL), 65_536):
        raw = pa.Table.from_batches([batch])
        table = conform(raw, computed, spec.reader.label, first)
        for name in (KNOWN, UNTIL):
            table = table.append_column(name, raw[name])
        table = table.append_column(KNOWN_COLUMN, raw[KNOWN].cast(pa.timestamp("us", "UTC")))
        require_times(table, table, spec, spec.reader.label, (first, range(table.num_rows)), None)
        staging.append(_RAW, kept(table))
        first += raw.num_rows
    if not first:
        staging.append(_RAW, _nothing(spec))
    staging.append(DIRTY, dirty_schema(spec).empty_table())


def _nothing(spec: SourceSpec) -> pa.Table:
    columns = {name: pa.array([], TYPES[column.type]) for name, column in spec.columns.items()}
    return pa.table({**columns, KNOWN: pa.array([], pa.int64()), UNTIL: pa.array([], pa.int64())})


def _versions(engine: DuckDB, spec: SourceSpec, rows: Any) -> Any:
    """Return one version for each time in which a row was the same without a break.

    Raises
    ------
    DuplicateKey
    """
    content = row_hash([rows[name] for name in spec.columns if name != KNOWN_COLUMN])
    rows = rows.mutate(**{_CONTENT: content})
    by_key = ibis.window(group_by=list(spec.key), order_by=[KNOWN, UNTIL])
    before = {name: rows[name].lag().over(by_key) for name in (UNTIL, _CONTENT)}
    rows = rows.mutate(_before_until=before[UNTIL], _before_content=before[_CONTENT])
    _refuse_overlap(engine, spec, rows.filter(rows["_before_until"] > rows[KNOWN]))
    same = (rows["_before_until"] == rows[KNOWN]) & (rows["_before_content"] == rows[_CONTENT])
    rows = rows.mutate(_begins=~same.fill_null(False))
    so_far = ibis.cumulative_window(group_by=list(spec.key), order_by=[KNOWN])
    rows = rows.mutate(_run=rows["_begins"].cast("int64").sum().over(so_far))
    until = rows[UNTIL].max().over(ibis.window(group_by=[*spec.key, "_run"]))
    rows = rows.mutate(_end=until).filter("_begins")
    rows = rows.mutate(**{UNTIL: rows["_end"], KNOWN_COLUMN: instant_of(rows[KNOWN])})
    order = ibis.window(group_by=list(spec.key), order_by=[KNOWN])
    follows = rows[KNOWN].lead().over(order) == rows[UNTIL]
    deleted = (rows[UNTIL] < FOREVER) & ~follows.fill_null(False)
    corrects = (rows[UNTIL].lag().over(order) == rows[KNOWN]).fill_null(False)
    return rows.select(*spec.columns, KNOWN, UNTIL, _CONTENT, **{DELETED: deleted, _CORRECTS: corrects})


def _refuse_overlap(engine: DuckDB, spec: SourceSpec, rows: Any) -> None:
    overlapping = engine.run(rows.order_by([KNOWN, *spec.key]).limit(1))
    if overlapping.num_rows:
        row = overlapping.to_pylist()[0]
        key = ", ".join(f"{name} {row[name]!r}" for name in spec.key)
        problem = f"the query gives several rows that are known at {format_instant(from_micros(row[KNOWN]))}"
        remedy = "Add the column that distinguishes them to the key, or join by the other source's whole key."
        raise DuplicateKey(spec.name, f"key {key}", problem, remedy)


def _beside_log(engine: DuckDB, spec: SourceSpec, versions: Any, log: Log) -> Any:
    """Return the versions beside those of the log with the same key and known-at; null where one has no other."""
    rows = numbered_versions(engine, log.store, log.artifact, chunk_names(log.artifact), "derived_log")
    names = {f"{_LOG}{name}": rows[name] for name in (*spec.key, KNOWN, UNTIL, CHUNK, ROW)}
    content = row_hash([rows[name] for name in spec.columns if name != KNOWN_COLUMN])
    stored = rows.select(**names, **{f"{_LOG}{_CONTENT}": content})
    same = [versions[name] == stored[f"{_LOG}{name}"] for name in (*spec.key, KNOWN)]
    return versions.outer_join(stored, same)


def _continues(engine: DuckDB, beside: Any) -> bool:
    """Return whether the log has nothing that the versions do not have: versions that it has open may end."""
    stored = beside[f"{_LOG}{ROW}"].notnull()
    same = (beside[_CONTENT] == beside[f"{_LOG}{_CONTENT}"]).fill_null(False)
    ends = beside[f"{_LOG}{UNTIL}"]
    other = stored & ~(same & ((ends == beside[UNTIL]) | (ends == FOREVER)).fill_null(False))
    return not len(engine.run(beside.filter(other).limit(1)))


def _counted(new: NewRows) -> NewRows:
    rows, ended = new.rows, new.ended
    sums = {name: rows[name].cast("int64").sum().fill_null(0) for name in (DELETED, _CORRECTS)}
    several = rows[UNTIL].notnull().cast("int64").sum().fill_null(0)
    facts = new.engine.run(
        rows.aggregate(rows=rows.count(), bytes=text_bytes(new.spec, rows), several=several, **sums)
    ).to_pylist()[0]
    deleted = 0
    if ended is not None:
        gone = ended[DELETED].cast("int64").sum().fill_null(0)
        deleted = int(new.engine.run(ended.aggregate(n=gone))["n"][0].as_py())
    return replace(
        new,
        count=int(facts["rows"]),
        corrections=int(facts[_CORRECTS]),
        deletions=int(facts[DELETED]) + deleted,
        row_bytes=8 * len(new.spec.columns) + int(facts["bytes"]) // max(1, facts["rows"]),
        keys_repeat=bool(facts["several"]),
    )

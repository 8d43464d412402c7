"""The prediction log: every prediction that was made, in immutable Parquet segments, by model and UTC day.

A day's state is an artifact that lists its segments. Adding rows writes a new segment
and a new state, and points the day at it by compare-and-set: two writers lose nothing.
Each segment records what its rows were made from: the artifacts that were read, and the
declarations as they were.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ml_platform.core.errors import RefConflict
from ml_platform.core.hashing import frame_id
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.serialized import kept_declarations
from ml_platform.storage.artifact_kinds.predictions import SEGMENT, PredictionsManifest, Segment, segment_objects
from ml_platform.storage.database import Database
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.opened import OpenedStores
from ml_platform.storage.row_log import read_row, read_rows
from ml_platform.storage.rows import insert_if_absent, update_rows
from ml_platform.storage.tables import METADATA

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

KIND = "predictions"
DECLARED = "declared/"
"""What the names of kept declarations begin with among a day's objects."""

_ATTEMPTS = 10

PREDICTION_DAYS = sa.Table(
    "prediction_days",
    METADATA,
    sa.Column("model", sa.String(64), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("artifact", sa.String(64), nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
)


@dataclass(frozen=True)
class LoggedDay:
    """One day of one model's log, in its current state."""

    model: str
    day: date
    artifact: str
    rows: int


def logged_days(project: OpenedStores, model: str) -> list[LoggedDay]:
    """Return the days of a model's log, in order."""
    with project.database.snapshot() as connection:
        rows = read_rows(connection, PREDICTION_DAYS, PREDICTION_DAYS.c.model == model)
    return sorted(map(_logged, rows), key=lambda logged: logged.day)


def logged_day(project: OpenedStores, model: str, day: date) -> LoggedDay | None:
    """Return one day of a model's log; None where it holds nothing."""
    with project.database.reading() as connection:
        row = read_row(connection, PREDICTION_DAYS, model, day.isoformat())
    return None if row is None else _logged(row)


def _logged(row: Mapping[str, Any]) -> LoggedDay:
    return LoggedDay(row["model"], date.fromisoformat(row["day"]), row["artifact"], row["rows"])


def read_predictions(
    project: OpenedStores, model: str, start: datetime, end: datetime, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return logged predictions whose batch run lies in ``(start, end]``, in the order of their batch runs.

    Parameters
    ----------
    columns
        Those to read, as far as a day has them; None for all.

    Returns
    -------
    One row per prediction: ``prediction_id``, ``model``, ``version``, ``trained_model``, the entity's key,
    ``prediction_time``, ``effective_time``, ``question`` (the id of the population's row), ``late`` (whether the row
    became known only after its batch run), ``tick.TABLE`` for each feature table, ``score`` (or ``score.CLASS`` and
    ``predicted``), ``action``, ``expected_value``, ``scored_at``, and the input columns as they were used.
    """
    first, last = _day_of(start), _day_of(end)
    tables = [
        table
        for logged in logged_days(project, model)
        if first <= logged.day <= last
        for table in (
            _segments(project, project.store.get(KIND, logged.artifact))
            if columns is None
            else read_day(project, logged, ["effective_time", "prediction_id", *columns])
        )
    ]
    if not tables:
        return empty_log(project, model)
    import pyarrow as pa

    from ml_platform.core.frames import exact_frame

    frame = exact_frame(pa.concat_tables(tables, promote_options="permissive"))
    inside = (frame["effective_time"] > start) & (frame["effective_time"] <= end)
    return frame[inside].sort_values(["effective_time", "prediction_id"], ignore_index=True)


def read_day(project: OpenedStores, logged: LoggedDay, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Yield a day's predictions as they were logged, one segment after the other: those of some columns that it has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ml_platform.storage.parquet import table_of

    for name in segment_names(state := project.store.get(KIND, logged.artifact)):
        content = project.store.read(state.objects[name])
        known = pq.read_schema(pa.BufferReader(content)).names
        yield table_of(content, [column for column in dict.fromkeys(columns) if column in known])


def segment_names(state: Artifact) -> list[str]:
    """Return the names of the objects that hold a day's rows, oldest first, as its ``segments`` are listed."""
    return segment_objects(state.objects)


def logged_ids(project: OpenedStores, model: str, day: date) -> set[str]:
    """Return the ids of the predictions that a day holds."""
    state = _state(project, model, day)
    segments = [] if state is None else _segments(project, state, ["prediction_id"])
    return {str(id) for segment in segments for id in segment["prediction_id"].to_pylist()}


def late_count(project: OpenedStores, model: str, day: date) -> int:
    """Return how many predictions of a day are for rows that became known only after their batch run."""
    logged = logged_day(project, model, day)
    tables = () if logged is None else read_day(project, logged, ["late"])
    return sum(sum(table["late"].to_pylist()) for table in tables)


def append_predictions(
    project: OpenedStores,
    model: str,
    day: date,
    key: str,
    make_rows: Callable[[set[str]], pa.Table],
    inputs: Mapping[str, str],
    facts: Mapping[str, Any] | None,
    declared: bytes | None = None,
) -> tuple[Artifact, int]:
    """Add rows to a day and return its new state and how many were added.

    Parameters
    ----------
    key
        The cache key under which the state is found again.
    make_rows
        Given the ids that the day holds already, returns the rows to add. Called again when another writer was first.
    facts
        More fields of the state, beside its rows; None for those of the state before it.
    declared
        The declarations by which the rows were made, as `kept_json` gives them; those of the project by default.
    """
    for _ in range(_ATTEMPTS):
        before = _state(project, model, day)
        rows = make_rows(logged_ids(project, model, day))
        recorded = _facts_of(before) if facts is None else facts
        kept = kept_json(project.spec, model) if declared is None else declared
        state = _write_state(project, model, day, key, before, rows, inputs, recorded, kept)
        if _point(project.database, model, day, before, state):
            return state, rows.num_rows
    raise RefConflict(f"predictions of {model} on {day}", before.id if before else None, "moving all the time")


def empty_log(project: OpenedStores, model: str) -> pd.DataFrame:
    """Return a log of no rows, with the columns that every log has."""
    import pandas as pd

    spec = project.spec.models[model]
    key = project.spec.file.entities[spec.population.entity]
    columns = {
        **dict.fromkeys(["prediction_id", "model", "version", "trained_model", *key], "object"),
        **dict.fromkeys(["prediction_time", "effective_time"], "datetime64[us, UTC]"),
        "question": "object",
        "late": "bool",
        **({} if spec.task == "multiclass" else {"score": "float64"}),
        "action": "object",
        "expected_value": "float64",
        "unlearned_nulls": "object",
        "scored_at": "datetime64[us, UTC]",
    }
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})


def _state(project: OpenedStores, model: str, day: date) -> Artifact | None:
    logged = logged_day(project, model, day)
    return None if logged is None else project.store.get(KIND, logged.artifact)


def _segments(project: OpenedStores, state: Artifact, columns: Sequence[str] | None = None) -> list[pa.Table]:
    from ml_platform.storage.parquet import read_parquet

    objects = [state.objects[name] for name in segment_names(state)]
    return [read_parquet(project.store, stored, columns) for stored in objects]


def _write_state(
    project: OpenedStores,
    model: str,
    day: date,
    key: str,
    before: Artifact | None,
    rows: pa.Table,
    inputs: Mapping[str, str],
    facts: Mapping[str, Any],
    kept: bytes,
) -> Artifact:
    from ml_platform.storage.parquet import parquet_bytes

    objects = dict(before.objects) if before else {}
    segments = list(PredictionsManifest.of(before).segments) if before else list[Segment]()
    if rows.num_rows:
        declared = project.store.put(kept)
        name = f"{DECLARED}{declared.sha256}.json"
        objects |= {f"{SEGMENT}{len(segments):05d}.parquet": project.store.put(parquet_bytes(rows)), name: declared}
        by = sorted(set(rows["trained_model"].to_pylist()))
        declared_facts = {"rows": rows.num_rows, "inputs": dict(inputs), "declared": name, "trained_models": by}
        segments.append(Segment(id=frame_id(rows), **declared_facts))
    total = sum(segment.rows for segment in segments)
    manifest = PredictionsManifest(model=model, day=day.isoformat(), rows=total, segments=tuple(segments), **facts)
    return project.store.add(manifest, key, objects=objects, inputs=inputs)


def kept_json(spec: ProjectSpec, model: str) -> bytes:
    """Return the declarations of a model as they are kept beside its predictions."""
    return json.dumps(kept_declarations(spec, model), ensure_ascii=False).encode()  # its order is the declared one


def _facts_of(state: Artifact | None) -> dict[str, Any]:
    """Return the fields of a day's state beside its rows."""
    if state is None:
        return {}
    about = PredictionsManifest.of(state)
    return {name: getattr(about, name) for name in about.model_fields_set - {"model", "day", "rows", "segments"}}


def _point(database: Database, model: str, day: date, before: Artifact | None, state: Artifact) -> bool:
    """Point the day at its new state if it still points at the one before."""
    row = {"model": model, "day": day.isoformat(), "artifact": state.id, "rows": PredictionsManifest.of(state).rows}
    with database.writing() as connection:
        if before is None:
            return insert_if_absent(connection, PREDICTION_DAYS, row)
        here = (PREDICTION_DAYS.c.model == model) & (PREDICTION_DAYS.c.day == row["day"])
        unmoved = here & (PREDICTION_DAYS.c.artifact == before.id)
        moved = {"artifact": row["artifact"], "rows": row["rows"]}
        return update_rows(connection, PREDICTION_DAYS, unmoved, moved) == 1


def _day_of(instant: datetime) -> date:
    return instant.astimezone(UTC).date()


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Return the first instant of a UTC day, and the first of the next."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)

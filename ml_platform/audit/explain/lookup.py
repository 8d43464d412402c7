"""Finding predictions in the log by their ids, with what the scoring that made them read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from ml_platform.core.errors import NoSuchPrediction, listed, suggest
from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.operations.predictions.logged import Logged, LoggedSegment, logged_segments, rows_of, together
from ml_platform.project import Project
from ml_platform.storage.erasure_marks import marks_of
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.parquet import read_parquet
from ml_platform.storage.prediction_log import KIND, PREDICTION_DAYS, LoggedDay, logged_days, segment_names

_ID = re.compile(r"([a-z][a-z0-9_]{0,62})\.(\d{8})\.([0-9a-f]{16})")


def find_predictions(project: Project, ids: Sequence[str]) -> list[Logged]:
    """Return predictions by their ids, those that were made from the same together.

    Raises
    ------
    NoSuchPrediction
        For the first id that is malformed or not in the log, with the nearest one.
    ArtifactDamaged, ArtifactMissing
    """
    wanted: dict[tuple[str, date], list[str]] = {}
    for id in dict.fromkeys(ids):
        model, day = read_id(id)
        wanted.setdefault((model, day), []).append(id)
    by_segment: dict[tuple[Any, ...], list[tuple[pa.Table, LoggedSegment]]] = {}
    for (model, day), of_day in wanted.items():
        for rows, segment in _on_day(project, _logged_day(project, model, day, of_day[0]), of_day):
            by_segment.setdefault((model, *segment.identity), []).append((rows, segment))
    return [together(project, model, parts) for (model, *_), parts in by_segment.items()]


def find_newest_too(project: Project, ids: Sequence[str], now: datetime) -> list[Logged]:
    """Return what `find_predictions` does, also of what the prediction service answered a moment ago.

    Its records are moved into the prediction log where an id is not found there.
    """
    try:
        return find_predictions(project, ids)
    except NoSuchPrediction:
        if not compact_online_log(project, now).states:
            raise
    return find_predictions(project, ids)


def read_id(id: str) -> tuple[str, date]:
    """Return the model and the UTC day that an id names.

    Raises
    ------
    NoSuchPrediction
        Where it is no id.
    """
    match = _ID.fullmatch(id)
    try:
        if match:
            return match[1], datetime.strptime(match[2], "%Y%m%d").date()
    except ValueError:
        pass
    raise NoSuchPrediction(
        id,
        "this is not a prediction id. An id is MODEL.YYYYMMDD.HASH with 16 hexadecimal digits, such as "
        "late_arrival.20131201.0123456789abcdef. `ml-platform predictions MODEL` lists them",
    )


def sample_ids(project: Project, model: str, day: date | None, count: int, seed: int = 0) -> list[str]:
    """Return the ids of some predictions of a model, of all its days or of one, drawn at random; the same each time."""
    import random

    days = [logged for logged in _days(project, model) if day is None or logged.day == day]
    if not days:
        raise NoSuchPrediction(model, f"has no prediction on {day}. {_logged_between(_days(project, model))}")
    ids = [id for logged in days for id in _ids(project, project.store.get(KIND, logged.artifact))]
    return random.Random(seed).sample(sorted(ids), min(count, len(ids)))


def _days(project: Project, model: str) -> list[LoggedDay]:
    days = [logged for logged in logged_days(project, model) if logged.rows]
    if not days:
        with project.database.reading() as connection:
            known = connection.scalars(sa.select(PREDICTION_DAYS.c.model).distinct()).all()
        raise NoSuchPrediction(model, f"no prediction of this model is logged. {suggest(model, known)}")
    return days


def _logged_day(project: Project, model: str, day: date, id: str) -> LoggedDay:
    try:
        days = _days(project, model)
    except NoSuchPrediction as error:
        raise NoSuchPrediction(id, error.problem) from None
    for logged in days:
        if logged.day == day:
            return logged
    raise NoSuchPrediction(id, f"{model} has no prediction on {day}. {_logged_between(days)}")


def _logged_between(days: Sequence[LoggedDay]) -> str:
    return f"It has some on {len(days)} days, {days[0].day} to {days[-1].day}"


def _on_day(project: Project, logged: LoggedDay, ids: Sequence[str]) -> Iterator[tuple[pa.Table, LoggedSegment]]:
    state, missing = project.store.get(KIND, logged.artifact), set(ids)
    for segment in logged_segments(state):
        rows = rows_of(project, segment, ids)
        if rows.num_rows:
            missing -= set(rows["prediction_id"].to_pylist())
            yield rows, segment
    if missing:
        raise NoSuchPrediction(*_unknown(project, state, next(id for id in ids if id in missing), logged))


def _ids(project: Project, state: Artifact) -> list[str]:
    tables = (read_parquet(project.store, state.objects[name], ["prediction_id"]) for name in segment_names(state))
    return [id for table in tables for id in table["prediction_id"].to_pylist()]


def _unknown(project: Project, state: Artifact, id: str, logged: LoggedDay) -> tuple[str, str]:
    """Return an id that a day does not hold, and the text of the problem."""
    start, asked = id.rpartition(".")[0], id.rpartition(".")[2]
    hashes = [known.rpartition(".")[2] for known in _ids(project, state)]
    close = difflib.get_close_matches(asked, hashes, n=1, cutoff=0.7)
    hint = f"Did you mean {start}.{close[0]}?" if close else f"Some of them: {listed(sorted(hashes), 2)}"
    erased = "".join(f"{mark.at:%Y-%m-%d}: {mark.description}. " for mark in marks_of(project, KIND, state.id))
    return id, f"it is not among the {logged.rows:,} predictions of {logged.model} on {logged.day}. {erased}{hint}"

"""Moving the records of the prediction service into the prediction log: each once, whatever is killed when.

A record is known by its prediction id: what the log has already is not added again, nor is what was erased. A file is
removed only after its records are in the log, and only when no process writes to it any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from ml_platform.core.clock import from_micros
from ml_platform.core.hashing import cache_key, content_id
from ml_platform.datasets.exclusions import EFFECTIVE_TIME, PREDICTION_TIME
from ml_platform.declarations.population_columns import question_columns, required_columns
from ml_platform.declarations.serialized import read_declarations
from ml_platform.declarations.source import ColumnType
from ml_platform.declarations.user_code.version import code_version
from ml_platform.models.capacity import BEST_ACTION, CAPACITY_GAIN
from ml_platform.models.control import CONTROL, PROPENSITY, propensity
from ml_platform.operations.alerts import Alert, send_alert
from ml_platform.operations.predictions.online_log import (
    LogContext,
    LoggedPrediction,
    LoggedShadow,
    context_key,
    online_log_folder,
    read_online_log,
    read_shadows,
)
from ml_platform.operations.predictions.rows import ARROW_TYPES, UNLEARNED_NULLS
from ml_platform.project import Project
from ml_platform.sources.suppression_list import without_suppressed
from ml_platform.storage.file_lock import file_lock
from ml_platform.storage.frame_log import frame_files, has_writer, whole_bytes
from ml_platform.storage.ledger.anchors import seal_rows
from ml_platform.storage.prediction_log import KIND, append_predictions

_LOCK = "compaction.lock"
ONLINE, SHADOW = "online", "shadow_"
"""The column of the prediction log that is true for predictions of the service, and what begins the columns of what
another version predicted for the same row while it was rolled out."""


@dataclass
class Compacted:
    """What a compaction came to.

    Attributes
    ----------
    rows
        Rows that were added to the prediction log, by model.
    states
        The states of the log that were made, by model and day.
    files
        Files that were removed.
    damaged
        Files that ended in bytes that are no record; they were set aside.
    """

    rows: dict[str, int] = field(default_factory=dict)
    states: dict[tuple[str, date], str] = field(default_factory=dict)
    files: int = 0
    damaged: list[Path] = field(default_factory=list)


def waiting_files(project: Project) -> int:
    """Return how many files hold records that may not be in the prediction log yet."""
    return len(frame_files(online_log_folder(project)))


def compact_online_log(project: Project, now: datetime) -> Compacted:
    """Append the records of all workers to the prediction log, and remove the files that are done with.

    Raises
    ------
    ArtifactDamaged, RefConflict, StoreUnavailable
        The files stay, and the next compaction continues.
    """
    folder, done = online_log_folder(project), Compacted()
    if not frame_files(folder):
        return done
    with file_lock(folder / _LOCK):
        for path in frame_files(folder):
            is_open = has_writer(path)  # asked before it is read: what is written later is in a file that stays
            shadows = read_shadows(path)
            records = list(read_online_log(path))  # read after them: what waits for its shadow is seen to wait
            if is_open:
                records = [item for item in records if not item[1].shadowed or item[1].id in shadows]
            _append(project, records, shadows, done)
            if not is_open:
                _remove(project, path, now, done)
    if any(done.rows.values()):
        seal_rows(project, now)
    return done


def _append(
    project: Project,
    records: Iterable[tuple[LogContext, LoggedPrediction]],
    shadows: Mapping[str, LoggedShadow],
    done: Compacted,
) -> None:
    groups: dict[tuple[int, date], tuple[LogContext, list[LoggedPrediction]]] = {}
    for context, prediction in records:
        day = from_micros(prediction.at).astimezone(UTC).date()
        groups.setdefault((id(context), day), (context, []))[1].append(prediction)
    for (_, day), (context, predictions) in groups.items():
        state, added = _append_group(project, context, day, predictions, shadows)
        done.states[context.model, day] = state
        done.rows[context.model] = done.rows.get(context.model, 0) + added


def _append_group(
    project: Project,
    context: LogContext,
    day: date,
    predictions: list[LoggedPrediction],
    shadows: Mapping[str, LoggedShadow],
) -> tuple[str, int]:
    def fresh(logged: set[str]) -> pa.Table:
        unseen = {item.id: item for item in predictions if item.id not in logged}
        rows = _table(project, context, list(unseen.values()), shadows) if unseen else pa.table({})
        rows = without_suppressed(project, rows)  # a file that a worker still writes has rows that were erased
        return rows if len(rows) else pa.table({})

    key = cache_key(KIND, {"online": context_key(context), "day": str(day)}, code_version(KIND), context.inputs)
    state, added = append_predictions(
        project, context.model, day, key, fresh, context.inputs, None, declared=context.declared
    )
    return state.id, added


def _remove(project: Project, path: Path, now: datetime, done: Compacted) -> None:
    torn = path.stat().st_size - whole_bytes(path)
    if not torn:
        path.unlink()
        done.files += 1
        return
    aside = path.with_suffix(".damaged")
    path.rename(aside)
    done.damaged.append(aside)
    alert = Alert(
        key=f"online_log.{path.stem}",
        title=f"the last {torn:,} bytes of a file of online predictions are no record",
        body="A process that is killed while it writes leaves such an end, and that record was never answered. A "
        "damaged disk leaves it too, and then predictions are missing. All earlier records are in the prediction log.",
        severity="ticket",
        facts={"file": aside.name, "bytes": torn},
        next_step=f"Check the disk if nothing was killed, and remove {aside.name} from the folder serving/log.",
    )
    send_alert(project, alert, now)


def _table(
    project: Project,
    context: LogContext,
    predictions: list[LoggedPrediction],
    shadows: Mapping[str, LoggedShadow],
) -> pa.Table:
    """Return rows of the prediction log, with the columns that batch scoring writes."""
    rows = len(predictions)
    at = _array([item.at for item in predictions], "timestamp")
    columns: Mapping[str, ColumnType] = dict(context.columns)  # type: ignore[arg-type]
    values = {
        name: _array([item.values[index] for item in predictions], kind)
        for index, (name, kind) in enumerate(columns.items())
    }
    keys = {name: pa.array([item.key[index] for item in predictions]) for index, name in enumerate(context.key)}
    several = len(context.scores) > 1
    return pa.table(
        {
            "prediction_id": _array([item.id for item in predictions], "string"),
            "model": _constant(context.model, "string", rows),
            "version": _constant(context.version, "int", rows),
            "trained_model": _constant(context.trained_model, "string", rows),
            **keys,
            "prediction_time": at,
            "effective_time": at,
            "question": _array(_questions(project, context, predictions), "string"),
            "late": _constant(False, "bool", rows),
            **{f"tick.{table}": _constant(tick, "timestamp", rows) for table, tick in context.ticks.items()},
            **{
                name: _array([item.scores[index] for item in predictions], "float")
                for index, name in enumerate(context.scores)
            },
            **({"predicted": _array([item.predicted for item in predictions], "string")} if several else {}),
            "action": _array([item.action for item in predictions], "string"),
            "expected_value": _array([item.expected_value for item in predictions], "float"),
            **_recommended_columns(context, predictions),
            UNLEARNED_NULLS: _array([item.unlearned_nulls for item in predictions], "string"),
            "scored_at": at,
            **values,
            ONLINE: _constant(True, "bool", rows),
            **_shadow_columns(predictions, shadows),
        }
    )


def _recommended_columns(context: LogContext, predictions: list[LoggedPrediction]) -> dict[str, pa.Array]:
    """Return what was best and why something else may be recommended; nothing where nothing ever is."""
    columns = dict[str, pa.Array]()
    if context.control is not None or context.limited:
        columns[BEST_ACTION] = _array([item.best_action for item in predictions], "string")
    if context.limited:
        columns[CAPACITY_GAIN] = _array([item.capacity_gain for item in predictions], "float")
    if context.control is not None:
        chances = [propensity(context.control, control=bool(item.control)) for item in predictions]
        columns[CONTROL] = _array([item.control for item in predictions], "bool")
        columns[PROPENSITY] = _array(chances, "float")
    return columns


def _shadow_columns(predictions: list[LoggedPrediction], shadows: Mapping[str, LoggedShadow]) -> dict[str, pa.Array]:
    """Return what another version predicted for the same rows, null where none did; nothing where none did for any."""
    beside = [shadows.get(item.id) for item in predictions]
    if not any(item is not None and item.version is not None for item in beside):
        return {}
    kinds: Mapping[str, ColumnType] = {
        "version": "int", "score": "float", "action": "string", "expected_value": "float",
    }  # fmt: skip
    return {
        f"{SHADOW}{name}": _array([None if item is None else getattr(item, name) for item in beside], kind)
        for name, kind in kinds.items()
    }


def _questions(project: Project, context: LogContext, predictions: list[LoggedPrediction]) -> list[str]:
    """Return the id of each question: of the population's row where the request named it, else of the request."""
    then = read_declarations(project.spec, json.loads(context.declared))
    model = then.models[context.model]
    population = required_columns(then, model)
    kinds = dict(context.columns)
    ids = []
    for item in predictions:
        values = dict(zip((f"{population.name}.{name}" for name in context.key), item.key, strict=True))
        values |= dict(zip(kinds, item.values, strict=True)) | {EFFECTIVE_TIME: item.at, PREDICTION_TIME: item.at}
        key = [values.get(name) for name in question_columns(then, model)]
        instants = {name for name, kind in kinds.items() if kind == "timestamp"} | {EFFECTIVE_TIME, PREDICTION_TIME}
        named = [
            from_micros(value) if name in instants and value is not None else value
            for name, value in zip(question_columns(then, model), key, strict=True)
        ]
        ids.append(content_id([context.model, *named] if None not in named else [item.id])[:16])
    return ids


def _array(values: list[Any], kind: ColumnType) -> pa.Array:
    return (
        pa.array(values, pa.int64()).cast(ARROW_TYPES[kind])
        if kind == "timestamp"
        else pa.array(values, ARROW_TYPES[kind])
    )


def _constant(value: Any, kind: ColumnType, rows: int) -> pa.Array:
    return _array([value] * rows, kind)

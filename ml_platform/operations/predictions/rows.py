"""Rows of the prediction log: a version's predictions with ids, times, ticks, and the values that were used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from ml_platform.core.clock import tick_at
from ml_platform.core.hashing import content_id
from ml_platform.core.plain_values import plain_value
from ml_platform.declarations.population_columns import question_columns
from ml_platform.declarations.resolve import feature_tables_of
from ml_platform.declarations.source import ColumnType
from ml_platform.models.capacity import BEST_ACTION
from ml_platform.models.control import CONTROL
from ml_platform.models.decision import Decision
from ml_platform.models.inputs.columns import InputColumn, read_columns
from ml_platform.models.predictor import load_deployed
from ml_platform.project import Project
from ml_platform.storage.versions import Version

ARROW_TYPES: Mapping[ColumnType, pa.DataType] = {
    "string": pa.large_string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


UNLEARNED_NULLS = "unlearned_nulls"
"""The column of the log that names a row's columns that are null where training had no null."""


def unlearned_counts(rows: pa.Table) -> dict[str, int]:
    """Return how many logged rows have such a null, by column, the most frequent first."""
    if UNLEARNED_NULLS not in rows.column_names:
        return {}
    names = [name for columns in rows[UNLEARNED_NULLS].drop_null().to_pylist() for name in columns.split(", ")]
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def prediction_ids(model_name: str, rows: pd.DataFrame, key: Sequence[str]) -> pd.Series:
    """Return the id of each row's prediction: ``model.yyyymmdd.hash``.

    It follows from the entity's key and the two times alone: asking again for the same prediction gives the same id.

    Parameters
    ----------
    rows
        One row per prediction, with the entity's key, ``prediction_time`` and ``effective_time``.
    """
    identities = zip(*(rows[name] for name in key), rows["prediction_time"], rows["effective_time"], strict=True)
    ids = [
        f"{model_name}.{effective:%Y%m%d}.{content_id([model_name, *map(plain_value, entity), asked, effective])[:16]}"
        for *entity, asked, effective in identities
    ]
    return pd.Series(ids, index=rows.index, dtype=object)


@dataclass(frozen=True)
class Answers:
    """What one version predicts for rows.

    Attributes
    ----------
    rows
        Rows of the model's frame, with their ``prediction_id``.
    used
        The inputs as the predictor read them.
    predicted, expected
        As `Predictor.predict_actions` gives them.
    decision
        What the actions of the version are worth, and which of them is to do nothing.
    unlearned_nulls
        The columns of each row that are null where training had no null.
    """

    version: Version
    inputs: tuple[InputColumn, ...]
    rows: pd.DataFrame
    used: pd.DataFrame
    predicted: pd.DataFrame
    expected: pd.DataFrame
    decision: Decision
    unlearned_nulls: pd.Series

    @classmethod
    def by(cls, project: Project, version: Version, rows: pd.DataFrame) -> Answers:
        """Return the predictions of a version.

        Raises
        ------
        PredictionError, ArtifactDamaged
        """
        predictor = load_deployed(project, project.store.get("trained_model", version.id))
        used = read_columns(rows, predictor.inputs)
        predicted, expected = predictor.predict_actions(rows)
        nulls = predictor.unlearned_nulls(used)
        return cls(version, predictor.inputs, rows, used, predicted, expected, predictor.decision, nulls)


def log_rows(project: Project, answers: Answers, now: datetime) -> pa.Table:
    """Return rows of the prediction log for what one version predicts."""
    version, rows, predicted = answers.version, answers.rows, answers.predicted
    model = project.spec.models[version.model]
    return pa.table(
        {
            "prediction_id": _column(rows["prediction_id"], "string"),
            "model": _constant(version.model, "string", len(rows)),
            "version": _constant(version.number, "int", len(rows)),
            "trained_model": _constant(version.id, "string", len(rows)),
            **{name: pa.Array.from_pandas(rows[name]) for name in project.spec.file.entities[model.population.entity]},
            **{name: _column(rows[name], "timestamp") for name in ("prediction_time", "effective_time")},
            "question": _column(questions(project, version.model, rows), "string"),
            "late": _column(rows["late"], "bool") if "late" in rows else _constant(False, "bool", len(rows)),
            **_ticks(project, version.model, rows["effective_time"]),
            **{name: _column(predicted[name], _kind(name)) for name in predicted.columns},
            UNLEARNED_NULLS: _column(answers.unlearned_nulls, "string"),
            "scored_at": _constant(now, "timestamp", len(rows)),
            **{column.name: _column(answers.used[column.name], column.type) for column in answers.inputs},
        }
    )


def questions(project: Project, model_name: str, rows: pd.DataFrame) -> pd.Series:
    """Return the id of each row's question: of the population's row, whatever its prediction time is by now."""
    columns = question_columns(project.spec, project.spec.models[model_name])
    keys = zip(*(rows[name] for name in columns), strict=True)
    ids = [content_id([model_name, *map(plain_value, key)])[:16] for key in keys]
    return pd.Series(ids, index=rows.index, dtype=object)


def _ticks(project: Project, model_name: str, effective: pd.Series) -> dict[str, pa.Array]:
    """Return the refresh tick of each feature table that a row read."""
    names = feature_tables_of(project.spec, project.spec.models[model_name])
    tables = [project.spec.feature_tables[name] for name in names]
    return {
        f"tick.{table.name}": _column(_tick_of(effective, table.refresh, table.publish_delay), "timestamp")
        for table in tables
    }


def _tick_of(effective: pd.Series, refresh: timedelta, publish_delay: timedelta) -> pd.Series:
    ticks = {instant: tick_at(instant, refresh, publish_delay) for instant in effective.drop_duplicates()}
    return effective.map(ticks).astype("datetime64[us, UTC]")


def _kind(name: str) -> ColumnType:
    if name == CONTROL:
        return "bool"
    return "string" if name in ("action", "predicted", BEST_ACTION) else "float"


def _column(values: pd.Series, kind: ColumnType) -> pa.Array:
    if kind == "string":
        values = (
            values.astype(object).where(values.notna(), None).map(lambda value: None if value is None else str(value))
        )
    return pa.Array.from_pandas(values, type=ARROW_TYPES[kind])


def _constant(value: Any, kind: ColumnType, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, type=ARROW_TYPES[kind]), rows)

"""The inputs of predictions, recomputed from the feature tables and the population's source as of the batch run.

They are made by the code that scoring uses, from the artifacts that the scoring read. What was ingested later is
in other artifacts, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from ml_platform.core.clock import to_micros
from ml_platform.core.frames import to_frame
from ml_platform.datasets.exclusions import ASKED, EFFECTIVE, EFFECTIVE_TIME, PREDICTION_TIME
from ml_platform.datasets.feature_columns import effective_of
from ml_platform.datasets.frame import Frame
from ml_platform.declarations.population_columns import required_columns
from ml_platform.declarations.resolve import feature_tables_of
from ml_platform.declarations.serialized import read_declarations
from ml_platform.operations.predictions.compact_online import ONLINE
from ml_platform.operations.predictions.logged import Logged
from ml_platform.operations.predictions.rows import ARROW_TYPES
from ml_platform.project import Project


def project_then(project: Project, logged: Logged) -> tuple[Project | None, str]:
    """Return the project as it was declared when the predictions were made, and what to report where that is unknown.

    Where the log has none, it is the project as it is declared now; None where that has no such model any more.
    """
    problem = logged.problem
    if logged.declared is not None:
        try:
            return Project(read_declarations(project.spec, logged.declared)), ""
        except ValueError:
            problem = "the logged declarations are of another version of the platform"
    if logged.model in project.spec.models:
        return project, f"{problem}: the current declarations are used"
    return None, f"{problem}, and {logged.model} is no longer declared: its features and source rows are unavailable"


def features_then(then: Project, logged: Logged) -> pd.DataFrame:
    """Return the population's rows and the features of predictions, as they could be read at each batch run.

    Returns
    -------
    One row for each prediction whose row of the population is still in the source's log, by ``prediction_id``, with
    every ``source.column`` and ``table.column``, those among them that only give another table its key.

    Raises
    ------
    PlatformError
        Where an artifact is missing or damaged.
    """
    online = is_online(logged.rows)
    parts = []
    with then.engine() as engine:
        frame = Frame(then, logged.model, logged.inputs, engine)
        if not online.all():
            parts.append(to_frame(frame.repeat(_asked(then, logged, logged.rows[~online]))))
        if online.any():
            parts.append(to_frame(frame.with_features(_requested(then, logged, logged.rows[online]))))
    features = pd.concat(parts) if len(parts) > 1 else parts[0]
    return features.drop_duplicates("prediction_id").set_index("prediction_id")


def is_online(rows: pd.DataFrame) -> pd.Series:
    """Return which logged predictions the prediction service made."""
    if ONLINE not in rows.columns:
        return pd.Series(False, rows.index)
    return rows[ONLINE].astype("boolean").fillna(False).astype(bool)


def _asked(then: Project, logged: Logged, rows: pd.DataFrame) -> pa.Table:
    keys: Mapping[str, Any] = {key: pa.Array.from_pandas(rows[key]) for key in logged.key}
    ids = pa.Array.from_pandas(rows["prediction_id"])
    times = {EFFECTIVE: _micros(rows[EFFECTIVE_TIME]), ASKED: _micros(rows[PREDICTION_TIME])}
    return pa.table({"prediction_id": ids, **keys, **times, **_ticks_read(then, logged, rows)})


def _requested(then: Project, logged: Logged, rows: pd.DataFrame) -> pa.Table:
    """Return the columns that requests carried: the log has them, and the population's source need not.

    Columns of the population that no model reads are null.
    """
    population = required_columns(then.spec, then.spec.models[logged.model])
    sent = rows.assign(**{f"{population.name}.{key}": rows[key] for key in logged.key})
    columns = {f"{population.name}.{name}": column.type for name, column in population.columns.items()}
    empty = {name: pa.nulls(len(rows), ARROW_TYPES[kind]) for name, kind in columns.items() if name not in sent.columns}
    columns_sent = {name: pa.Array.from_pandas(sent[name]) for name in columns if name in sent.columns}
    times = _asked(then, logged, rows).drop_columns(list(logged.key))
    for name, values in {**columns_sent, **empty}.items():
        times = times.append_column(name, values)
    return times


def _ticks_read(then: Project, logged: Logged, rows: pd.DataFrame) -> dict[str, pa.Array]:
    """Return for each feature table the first instant at which the logged tick could be read."""
    ticks_read = {}
    for name in feature_tables_of(then.spec, then.spec.models[logged.model]):
        if f"tick.{name}" in rows.columns and rows[f"tick.{name}"].notna().all():
            ticks_read[effective_of(name)] = _micros(
                rows[f"tick.{name}"] + then.spec.feature_tables[name].publish_delay
            )
    return ticks_read


def _micros(instants: pd.Series) -> pa.Array:
    return pa.array([to_micros(instant.to_pydatetime()) for instant in instants], pa.int64())

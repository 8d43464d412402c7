"""Predictions for rows that somebody brings: features that the rows lack are looked up as they could be read then.

Nothing is logged: these predictions are for looking, not for acting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd
import pyarrow as pa

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import NotMaterialized, PredictionError, listed, suggest
from ml_platform.core.formatting import instant_text
from ml_platform.core.frames import to_frame
from ml_platform.datasets.exclusions import EFFECTIVE, PREDICTION_TIME
from ml_platform.datasets.feature_columns import with_feature_columns
from ml_platform.declarations.joins import joins_of, joins_through
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.resolve import population_columns
from ml_platform.declarations.source import ColumnType
from ml_platform.models.inputs.columns import InputColumn, read_column
from ml_platform.models.predictor import Predictor, load_deployed
from ml_platform.project import Project
from ml_platform.sources.conform import TYPES
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import Version

TIME = "time"
"""The column of the rows with the time as of which features are read."""


def predict_rows(
    project: Project, version: Version, rows: pd.DataFrame, now: datetime, before: int = 0
) -> pd.DataFrame:
    """Return what a version predicts for rows.

    Parameters
    ----------
    rows
        Columns of the population by their bare names, the entity's key among them, and features as ``table.column``.
        Features that they lack are looked up in the feature tables as they are now, as of ``time``, or of `now` where
        there is no such column. A column of the population that is called ``time`` itself is given as
        ``source.time``.
    before
        How many rows of the same file came before these.

    Returns
    -------
    The rows with the features that were used, the score, the recommended action and its expected value. A column of
    the population that is called as one of these has its full name, ``source.score``.

    Raises
    ------
    PredictionError
        Where a column is unknown, missing, there twice, or of another type; where a time is null, or after now.
    """
    predictor = load_deployed(project, project.store.get("trained_model", version.id))
    model = project.spec.models[version.model]
    columns = population_columns(project.spec, model)
    bare = {short: name for name in columns if (short := name.partition(".")[2]) != TIME}
    named = _renamed(rows, bare)
    _require_known(named, [*columns, *(column.name for column in predictor.inputs)], bare, version)
    times = reading_times(named, str(version), now, before)
    used = _with_features(project, version, predictor, _typed(named, columns), times)
    predicted = predictor.predict(used)
    features = [column.name for column in predictor.inputs if column.name not in {*named, PREDICTION_TIME}]
    sent = _renamed(rows, {name: bare[name] for name in predicted if name in bare})
    together = pd.concat([sent, used[features], predicted], axis=1)
    together.index = rows.index
    return together


def features_read(project: Project, model: str) -> dict[str, str | None]:
    """Return the artifact of each feature table that a model may read now, by node."""
    joins = joins_of(project.spec, project.spec.models[model])
    nodes = sorted({NodeName("feature_table", joined.table.name) for joined in joins}, key=str)
    return {str(node): current_output(project.database, node) for node in nodes}


def _renamed(rows: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return the same values, which are not copied, under other names of columns and with rows numbered from 0."""
    view = rows.copy(deep=False)
    view.index = pd.RangeIndex(len(rows))
    view.columns = pd.Index([names.get(name, name) for name in rows.columns])
    return view


def _require_known(rows: pd.DataFrame, known: Sequence[str], bare: Mapping[str, str], version: Version) -> None:
    for name in rows.columns:
        if name not in known and name != TIME:
            near = suggest(str(name), [*bare, *known, TIME])
            raise PredictionError(f"{version} has no column {str(name)!r}. {near}")
    for name in rows.columns[rows.columns.duplicated()]:
        short = str(name).rpartition(".")[2]
        raise PredictionError(f"the rows have column {short} twice, perhaps also as {name}. Give each column once.")


def reading_times(rows: pd.DataFrame, asker: str, now: datetime, before: int = 0) -> pd.Series:
    """Return as of when the features of each row are read: its `TIME`, or `now` where there is no such column.

    Parameters
    ----------
    asker
        Who asks, for the text of an error.
    before
        How many rows of the same file came before these.

    Raises
    ------
    PredictionError
        Where a time is null, after `now`, or not an instant.
    """
    if TIME not in rows:
        return pd.Series(pd.Timestamp(now), rows.index, dtype="datetime64[us, UTC]")
    times = read_column(rows[TIME], InputColumn(TIME, "timestamp"))
    for wrong, problem in ((times.isna(), "is null"), (times > now, f"is after now, {instant_text(now)}")):
        if wrong.any():
            row = before + int(wrong.to_numpy().argmax()) + 1
            remedy = "Give the instant as of which features are read, or leave the column out for now"
            raise PredictionError(f"{asker}: {TIME} of row {row} {problem}. {remedy}.")
    return times


def _typed(rows: pd.DataFrame, columns: Mapping[str, ColumnType]) -> pd.DataFrame:
    """Return the population's columns in the form of their types; text in the place of a number is an error."""
    typed = {name: read_column(rows[name], InputColumn(name, kind)) for name, kind in columns.items() if name in rows}
    return rows.assign(**typed)


def _with_features(
    project: Project, version: Version, predictor: Predictor, rows: pd.DataFrame, times: pd.Series
) -> pd.DataFrame:
    """Return rows with every input of the predictor."""
    model, types = project.spec.models[version.model], {column.name: column.type for column in predictor.inputs}
    rows = rows.assign(**{PREDICTION_TIME: times})
    known: Mapping[str, ColumnType] = {**population_columns(project.spec, model), **types}
    missing = [name for name in types if name not in rows]
    if not missing:
        return rows
    joins = joins_through(project.spec, model, missing)
    tables = {joined.alias for joined in joins}
    lacking = [name for name in missing if name.partition(".")[0] not in tables]
    needed = sorted({key for joined in joins for key in joined.keys.values() if key.partition(".")[0] not in tables})
    lacking += [key for key in needed if key not in rows and key not in lacking]
    if lacking:
        prefix = f"{model.population.owner}."
        names = listed(name.removeprefix(prefix) if name != f"{prefix}{TIME}" else name for name in lacking)
        raise PredictionError(f"the rows lack {names}, which {version} reads. Add them.")
    nodes = [NodeName("feature_table", joined.table.name) for joined in joins]
    made = {str(node): id for node in nodes if (id := current_output(project.database, node)) is not None}
    for node in nodes:
        if str(node) not in made:
            raise NotMaterialized(str(version), node)
    asked = pa.table(
        {
            **{name: pa.Array.from_pandas(rows[name]).cast(TYPES[known[str(name)]]) for name in rows if name in known},
            EFFECTIVE: pa.array([to_micros(time.to_pydatetime()) for time in times], pa.int64()),
        }
    )
    with project.engine() as engine:
        return to_frame(with_feature_columns(project, model, made, engine, asked, missing))

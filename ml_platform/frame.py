"""A model's frame: the rows that production asks about, with what could be known when it asks.

Training and batch scoring read the same function, so they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_platform.clock import Schedule, to_micros
from ml_platform.engine import Engine
from ml_platform.engine.functions import epoch_us
from ml_platform.errors import FrameError
from ml_platform.expression import parse_expression
from ml_platform.features.point_in_time import features_at
from ml_platform.features.source_log import KNOWN, UNTIL, source_versions
from ml_platform.project import Project
from ml_platform.spec.joins import Joined, joins_of
from ml_platform.spec.model import ModelSpec
from ml_platform.spec.resolve import expand_features
from ml_platform.store.manifest import Artifact

if TYPE_CHECKING:
    import pandas as pd

PREDICTION_TIME, EFFECTIVE_TIME = "prediction_time", "effective_time"
_ASKED, EFFECTIVE = "_asked", "_effective"
_INSTANT = pa.timestamp("us", "UTC")


def model_frame(
    project: Project, model_name: str, inputs: Mapping[str, str], start: datetime, end: datetime, now: datetime
) -> pd.DataFrame:
    """Return the rows whose batch run lies in ``(start, end]`` and not after `now`, with point-in-time features.

    Parameters
    ----------
    inputs
        Ids of artefacts by node, such as ``{"sources/orders": ..., "features/courier_recent": ...}``.

    Returns
    -------
    pandas.DataFrame
        One row for each row of the population that was known at the last batch run at or before its prediction time,
        as it was known then; sorted by that run and by key. Columns: the entity's key, ``prediction_time``,
        ``effective_time`` (the batch run), the population's columns as ``source.column``, features as
        ``table.column``. Whole numbers are Int64, conditions boolean, strings objects, instants UTC microseconds.

    Raises
    ------
    FrameError
        Where an entity is asked about twice at one run, or an input's id is not given.
    """
    with project.engine() as engine:
        return to_frame(Frame(project, model_name, inputs, engine).rows(start, min(end, now)))


class Frame:
    """Makes the frame of one model from given inputs, on one engine."""

    def __init__(self, project: Project, model_name: str, inputs: Mapping[str, str], engine: Engine) -> None:
        self._project, self._inputs, self._engine = project, inputs, engine
        self._model: ModelSpec = project.spec.models[model_name]
        self._source = project.spec.sources[self._model.population.source]
        self.keys = list(project.spec.file.entities[self._model.population.entity])

    def rows(self, start: datetime, end: datetime) -> pa.Table:
        """Return the frame in canonical order."""
        found = self.with_features(self._engine.run(self.population(start, end)))
        own = [f"{self._source.name}.{column}" for column in self._source.columns]
        features = [name for name in expand_features(self._project.spec, self._model) if name not in own]
        times = {PREDICTION_TIME: found[_ASKED].cast(_INSTANT), EFFECTIVE_TIME: found[EFFECTIVE].cast(_INSTANT)}
        keys = {key: found[f"{self._source.name}.{key}"] for key in self.keys}
        rows = pa.table({**keys, **times, **{name: found[name] for name in (*own, *features)}})
        self._refuse_twice(rows)
        order = [EFFECTIVE_TIME, *self.keys, *(f"{self._source.name}.{key}" for key in self._source.key)]
        return rows.sort_by([(name, "ascending") for name in dict.fromkeys(order)])

    def population(self, start: datetime, end: datetime) -> Any:
        """Return the population's rows whose batch run lies in ``(start, end]``, as known at that run, for Ibis.

        The population's columns are called ``source.column``; ``_asked`` and ``_effective`` are in microseconds.
        """
        rows = self.asked(start, end)
        return rows.filter((rows[KNOWN] <= rows[EFFECTIVE]) & (rows[EFFECTIVE] < rows[UNTIL])).drop(KNOWN, UNTIL)

    def asked(self, start: datetime, end: datetime) -> Any:
        """Return all rows whose batch run lies in ``(start, end]``, whenever they were known."""
        artifact = self._project.store.get(
            "source", required_input(self._inputs, self._model.name, f"sources/{self._source.name}")
        )
        rows = source_versions(self._engine, self._project.store, artifact, self._source.key, "population_rows")
        population = self._model.population
        if population.where is not None:
            rows = rows.filter(parse_expression(population.where).to_ibis(rows))
        asked = epoch_us(parse_expression(population.prediction_time).to_ibis(rows))
        own = {f"{self._source.name}.{column}": rows[column] for column in self._source.columns}
        rows = rows.select(KNOWN, UNTIL, **own, **{_ASKED: asked})
        runs = batch_runs(self._model.deployment.batch, start, end)
        if len(runs) == 0:
            return rows.mutate(**{EFFECTIVE: rows[_ASKED]}).limit(0)
        known_runs = self._engine.arrow("batch_runs", runs)
        first, last = runs["run"][0].as_py(), runs["next_run"][-1].as_py()
        rows = rows.filter((rows[_ASKED] >= first) & (rows[_ASKED] < last))
        found = rows.asof_join(known_runs, on=rows[_ASKED] >= known_runs["run"])
        return found.select(*rows.columns, **{EFFECTIVE: found["run"]})

    def with_features(self, rows: pa.Table) -> pa.Table:
        """Return rows with the model's features as they could be read at ``_effective``."""
        joins = joins_of(self._project.spec, self._model)
        for joined in joins:
            rows = features_at(
                self._project,
                self._engine,
                self._input("feature_table", f"features/{joined.table.name}"),
                rows,
                keys=joined.keys,
                instant=EFFECTIVE,
                columns=self._columns(joined, joins),
                called=joined.alias,
            )
        return rows

    def _columns(self, joined: Joined, joins: Sequence[Joined]) -> list[str]:
        """Return the columns of a table that the model reads, or that give another table its key."""
        read = [
            *expand_features(self._project.spec, self._model),
            *(key for join in joins for key in join.keys.values()),
        ]
        split = (name.partition(".") for name in read)
        return list(dict.fromkeys(column for owner, _, column in split if owner == joined.alias))

    def _input(self, kind: str, node: str) -> Artifact:
        return self._project.store.get(kind, required_input(self._inputs, self._model.name, node))

    def _refuse_twice(self, rows: pa.Table) -> None:
        counted = rows.group_by([*self.keys, EFFECTIVE_TIME]).aggregate([([], "count_all")])
        if counted.num_rows == rows.num_rows:
            return
        row = next(row for row in counted.to_pylist() if row["count_all"] > 1)
        key = ", ".join(f"{name} {row[name]!r}" for name in self.keys)
        raise FrameError(
            f"{self._model.name}: {row['count_all']} rows of {self._source.name} ask about {key} at "
            f"{row[EFFECTIVE_TIME]:%Y-%m-%dT%H:%MZ}. An entity is asked about once: correct population.entity, or "
            "narrow population.where."
        )


def required_input(inputs: Mapping[str, str], model_name: str, node: str) -> str:
    """Return the id of one of a model's inputs."""
    if node not in inputs:
        raise FrameError(f"{model_name}: no id is given for its input {node}. Pass it with the others.")
    return inputs[node]


def batch_runs(schedule: Schedule, start: datetime, end: datetime) -> pa.Table:
    """Return the batch runs in ``(start, end]``, each with the next, in microseconds since 1970 UTC."""
    runs = schedule.between(start, end) if start < end else []
    if not runs:
        return pa.table({"run": pa.array([], pa.int64()), "next_run": pa.array([], pa.int64())})
    following = [*runs, next(schedule.after(runs[-1]))]
    pairs = [(to_micros(run), to_micros(after)) for run, after in pairwise(following)]
    return pa.table({"run": [run for run, _ in pairs], "next_run": [after for _, after in pairs]})


def to_frame(rows: pa.Table) -> pd.DataFrame:
    """Return a table as pandas, with types that do not depend on whether there are nulls."""
    import pandas as pd

    types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame: pd.DataFrame = rows.to_pandas(types_mapper=types.get)
    return frame

"""A model's frame: the rows that production asks about, with what could be known when it asks.

Training and batch scoring read the same function, so they cannot differ.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import MICROSECOND, to_micros
from ml_platform.core.engines import Engine
from ml_platform.core.engines.ibis_functions import epoch_us
from ml_platform.core.errors import FrameError
from ml_platform.core.expressions import parse_expression
from ml_platform.declarations.joins import Joined, joins_of
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.resolve import expand_features
from ml_platform.features.point_in_time import features_at
from ml_platform.project import Project
from ml_platform.sources.source_log import KNOWN, UNTIL, source_versions
from ml_platform.storage.manifest import Artifact

if TYPE_CHECKING:
    pass
from ml_platform.datasets.batch_runs import batch_runs
from ml_platform.datasets.left_out import (
    ASKED,
    ASKED_TWICE,
    EFFECTIVE,
    EFFECTIVE_TIME,
    INSTANT,
    IS_LATE,
    LATE,
    LEFT_OUT,
    MISSED,
    NO_CONDITION,
    NO_KEY,
    NO_TIME,
    PREDICTION_TIME,
    REASON,
    WHERE,
    counted_reasons,
    one_reason,
)
from ml_platform.declarations.node_name import NodeName

_RUN_BEFORE = "_run_before"


class Frame:
    """Makes the frame of one model from given inputs, on one engine."""

    def __init__(self, project: Project, model_name: str, inputs: Mapping[str, str], engine: Engine) -> None:
        self._project, self._inputs, self._engine = project, inputs, engine
        self._model: ModelSpec = project.spec.models[model_name]
        self._source = project.spec.sources[self._model.population.source]
        self.keys = list(project.spec.file.entities[self._model.population.entity])

    def rows(self, start: datetime, end: datetime) -> pa.Table:
        """Return the frame in canonical order."""
        in_time, _ = self._one_each(self._engine.run(self.population(start, end)))
        return self._framed(in_time).drop_columns([LATE])

    def asked_rows(self, start: datetime, end: datetime) -> tuple[pa.Table, pa.Table]:
        """Return the frame with rows that came late, where they are asked about; and what was left out (`Asked`)."""
        in_time = self._engine.run(self.population(start, end))
        came_late = self._engine.run(self.late(start, end))
        horizon = self._model.label.horizon // MICROSECOND
        in_horizon = pc.less_equal(came_late[EFFECTIVE], pc.add(came_late[ASKED], horizon))
        scored = in_horizon if self._model.deployment.late_rows == "score" else pc.and_(in_horizon, False)
        answered, left_out = self._one_each(pa.concat_tables([in_time, came_late.filter(scored)]))
        missed = came_late.filter(pc.invert(scored)).append_column(
            REASON, one_reason(MISSED, came_late, pc.invert(scored))
        )
        rows = self._framed(answered)
        unclear = self._engine.run(self.unclear(start, end))
        parts = [left_out, missed, unclear]
        return rows, counted_reasons([part.select([EFFECTIVE, REASON]) for part in parts])

    def counted_rows(self, start: datetime, end: datetime) -> tuple[pa.Table, dict[str, int]]:
        """Return `rows`, and how many rows are left out of them for which reason (`LEFT_OUT`)."""
        in_time, left_out = self._one_each(self._engine.run(self.population(start, end)))
        late = self.late(start, end)
        missed = late.aggregate(rows=late.count())
        unclear = self._engine.run(self.unclear(start, end))
        counts = counted_reasons([part.select([EFFECTIVE, REASON]) for part in (left_out, unclear)])
        sums = dict.fromkeys(LEFT_OUT, 0)
        for row in counts.to_pylist():
            sums[row["reason"]] += row["rows"]
        sums[MISSED] = int(self._engine.run(missed)["rows"][0].as_py())
        return self._framed(in_time).drop_columns([LATE]), sums

    def _framed(self, asked: pa.Table) -> pa.Table:
        found = self.with_features(asked.drop_columns([KNOWN]))
        own = [f"{self._source.name}.{column}" for column in self._source.columns]
        features = [name for name in expand_features(self._project.spec, self._model) if name not in own]
        times = {PREDICTION_TIME: found[ASKED].cast(INSTANT), EFFECTIVE_TIME: found[EFFECTIVE].cast(INSTANT)}
        keys = {key: found[f"{self._source.name}.{key}"] for key in self.keys}
        rows = pa.table({**keys, **times, **{name: found[name] for name in (*own, *features)}, LATE: found[IS_LATE]})
        order = [EFFECTIVE_TIME, *self.keys, *(f"{self._source.name}.{key}" for key in self._source.key)]
        return rows.sort_by([(name, "ascending") for name in dict.fromkeys(order)])

    def _one_each(self, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Return the rows that ask about an entity, one for each batch run, and the others with the reason.

        Of several the one in time stays, then the one that became known first.
        """
        keys = [f"{self._source.name}.{key}" for key in self.keys]
        nameless = functools.reduce(pc.or_, (pc.is_null(rows[key]) for key in keys))
        named = rows.filter(pc.invert(nameless))
        order = [EFFECTIVE, *keys, IS_LATE, KNOWN, ASKED, *(f"{self._source.name}.{key}" for key in self._source.key)]
        named = named.sort_by([(name, "ascending") for name in dict.fromkeys(order)])
        same = functools.reduce(pc.and_, (_as_before(named[name]) for name in (EFFECTIVE, *keys)))
        left_out = [
            rows.filter(nameless).append_column(REASON, one_reason(NO_KEY, rows, nameless)),
            named.filter(same).append_column(REASON, one_reason(ASKED_TWICE, named, same)),
        ]
        return named.filter(pc.invert(same)), pa.concat_tables(left_out)

    # The population ----------------------------------------------------------

    def population(self, start: datetime, end: datetime) -> Any:
        """Return the population's rows whose batch run lies in ``(start, end]``, as known at that run, for Ibis.

        The population's columns are called ``source.column``; ``_asked`` and ``_effective`` are in microseconds.
        """
        rows, runs = self._versions(), batch_runs(self._model.deployment.batch, start, end)
        rows = rows.filter(rows[WHERE] & rows[ASKED].notnull())
        if len(runs) == 0:
            return self._none(rows)
        first, last = runs["run"][0].as_py(), runs["next_run"][-1].as_py()
        rows = rows.filter((rows[ASKED] >= first) & (rows[ASKED] < last))
        known_runs = self._engine.arrow("batch_runs", runs)
        found = rows.asof_join(known_runs, on=rows[ASKED] >= known_runs["run"])
        found = found.select(*rows.columns, **{EFFECTIVE: found["run"]})
        in_time = found.filter((found[KNOWN] <= found[EFFECTIVE]) & (found[EFFECTIVE] < found[UNTIL]))
        return in_time.mutate(**{IS_LATE: ibis.literal(False)}).drop(UNTIL, WHERE)

    def late(self, start: datetime, end: datetime) -> Any:
        """Return rows that became known after their batch run, at the first run in ``(start, end]`` that knows them.

        A version of a row that was asked about in time, or counted here at an earlier run, is not among them.
        """
        rows = self._versions()
        rows = rows.filter(rows[WHERE] & rows[ASKED].notnull())
        seen = self._known_since(rows, start, end)
        if seen is None:
            return self._none(rows)
        key = [f"{self._source.name}.{name}" for name in self._source.key]
        late = seen.filter((seen[ASKED] < seen[EFFECTIVE]) & (seen[EFFECTIVE] < seen[UNTIL]))
        before = rows.select(**{f"_{name}": rows[name] for name in key}, _before=rows[KNOWN], _pending=rows[ASKED])
        both = late.inner_join(before, [late[name] == before[f"_{name}"] for name in key])
        answered = both.filter((both["_before"] <= both[_RUN_BEFORE]) & (both["_pending"] < both[EFFECTIVE]))
        late = late.anti_join(answered.select(*key, KNOWN).distinct(), [*key, KNOWN])
        return late.mutate(**{IS_LATE: ibis.literal(True)}).drop(UNTIL, WHERE, _RUN_BEFORE)

    def unclear(self, start: datetime, end: datetime) -> Any:
        """Return rows that became known in ``(start, end]`` of which nothing says whether, or when, they are asked."""
        rows = self._versions()
        rows = rows.filter(rows[WHERE].isnull() | (rows[WHERE] & rows[ASKED].isnull()))
        seen = self._known_since(rows, start, end)
        if seen is None:
            return self._none(rows).select(EFFECTIVE, **{REASON: ibis.literal(NO_TIME)})
        reason = ibis.ifelse(seen[WHERE].isnull(), ibis.literal(NO_CONDITION), ibis.literal(NO_TIME))
        return seen.select(EFFECTIVE, **{REASON: reason})

    def _versions(self) -> Any:
        """Return every version of the population's rows, with ``_asked`` and whether ``where`` holds."""
        node = NodeName("source", self._source.name)
        artifact = self._project.store.get("source", required_input(self._inputs, self._model.name, node))
        rows = source_versions(self._engine, self._project.store, artifact, self._source.key, "population_rows")
        population = self._model.population
        holds = ibis.literal(True) if population.where is None else parse_expression(population.where).to_ibis(rows)
        asked = epoch_us(parse_expression(population.prediction_time).to_ibis(rows))
        own = {f"{self._source.name}.{column}": rows[column] for column in self._source.columns}
        return rows.select(KNOWN, UNTIL, **own, **{ASKED: asked, WHERE: holds})

    def _known_since(self, rows: Any, start: datetime, end: datetime) -> Any | None:
        """Return rows that became known after the run before ``(start, end]``, with the first run that knows each."""
        runs = batch_runs(self._model.deployment.batch, start, end)
        if len(runs) == 0:
            return None
        previous = to_micros(self._model.deployment.batch.last(start))
        after = pa.array([previous, *runs["run"].to_pylist()[:-1]], pa.int64())
        known_runs = self._engine.arrow("runs_that_know", pa.table({_RUN_BEFORE: after, "_knows": runs["run"]}))
        rows = rows.filter((rows[KNOWN] > previous) & (rows[KNOWN] <= runs["run"][-1].as_py()))
        rows = rows.mutate(_before=rows[KNOWN] - 1)
        found = rows.asof_join(known_runs, on=rows["_before"] >= known_runs[_RUN_BEFORE])
        names = [name for name in rows.columns if name != "_before"]
        return found.select(*names, _RUN_BEFORE, **{EFFECTIVE: found["_knows"]})

    def _none(self, rows: Any) -> Any:
        return rows.mutate(**{EFFECTIVE: rows[ASKED], IS_LATE: ibis.literal(False)}).limit(0).drop(UNTIL, WHERE)

    # Features ----------------------------------------------------------------

    def with_features(self, rows: pa.Table) -> pa.Table:
        """Return rows with the model's features as they could be read at ``_effective``."""
        joins = joins_of(self._project.spec, self._model)
        for joined in joins:
            rows = features_at(
                self._project,
                self._engine,
                self._input("feature_table", NodeName("feature_table", joined.table.name)),
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


def _as_before(values: pa.ChunkedArray) -> pa.Array:
    """Return which values equal the one before them."""
    array = values.combine_chunks()
    if len(array) == 0:
        return pa.array([], pa.bool_())
    return pa.concat_arrays([pa.array([False]), pc.equal(array[1:], array[:-1]).fill_null(False)])


def required_input(inputs: Mapping[str, str], model_name: str, node: str) -> str:
    """Return the id of one of a model's inputs."""
    if node not in inputs:
        raise FrameError(f"{model_name}: no id is given for its input {node}. Pass it with the others.")
    return inputs[node]

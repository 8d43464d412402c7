"""Point-in-time look-up: the values of a feature table that could be read at given instants.

This is the one way from feature tables to rows, for training, batch scoring and serving.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from ml_platform.clock import MICROSECOND
from ml_platform.engine import Engine
from ml_platform.engine.ranges import Ints
from ml_platform.engine.sums import combined
from ml_platform.errors import ValueTooLarge, too_large
from ml_platform.expression import parse_expression
from ml_platform.features.cells import Grain
from ml_platform.features.chunks import at_once
from ml_platform.features.parts import Answer, Measure, parts_of
from ml_platform.features.stored_cells import StoredCells, chunks_between, engine_cells
from ml_platform.features.windowed import TICK, Wanted, by_join, in_ranges
from ml_platform.project import Project
from ml_platform.spec.feature_table import EVER, FeatureTableSpec
from ml_platform.spec.resolve import aggregate_type, columns_behind, sum_scale
from ml_platform.store.artifacts import Artifact

_QUESTION = "_question"


def ticks_of(instants: Ints, spec: FeatureTableSpec) -> Ints:
    """Return the refresh ticks that can be read at instants; `ml_platform.clock.tick_at` tells one of them.

    Parameters
    ----------
    instants
        int64 microseconds since 1970 UTC.

    Returns
    -------
    The ticks as whole numbers of refresh intervals since 1970 UTC.
    """
    ticks: Ints = (instants - spec.publish_delay // MICROSECOND) // (spec.refresh // MICROSECOND)
    return ticks


def features_at(
    project: Project,
    engine: Engine,
    artifact: Artifact,
    points: pa.Table,
    *,
    keys: Mapping[str, str],
    instant: str,
    columns: Sequence[str],
    name: str,
    called: str | None = None,
) -> Any:
    """Return the points with the values of a feature table as they could be read at each point.

    Parameters
    ----------
    artifact
        The feature table.
    points
        Distinct rows: an entity's key and an instant in int64 microseconds, beside any other columns.
    keys
        The column of `points` that holds each key column of the table.
    instant
        The column of `points` that holds the instant.
    columns
        The features to look up; they are called ``table.column``.
    name
        What the answers are called in the engine.
    called
        What stands before the dot instead of the table's name.

    Returns
    -------
    The points, one row each, in no particular order, for Ibis. An entity that has never been seen, or whose key is
    null, has count 0 and sum 0, and null for the rest. Time since the last row is in seconds, up to the tick.

    Raises
    ------
    FeatureError
        Where a value is too large for exact sums.
    ArtifactMissing, ArtifactDamaged
    """
    spec = project.spec.feature_tables[artifact.about["table"]]
    try:
        names = {f"{called or spec.name}.{column}": column for column in columns}
        return _LookUp(project, engine, artifact, spec).answers(points, keys, instant, names, name)
    except ValueTooLarge as error:
        raise too_large(spec.name, error) from None


class _LookUp:
    def __init__(self, project: Project, engine: Engine, artifact: Artifact, spec: FeatureTableSpec) -> None:
        self._project, self._engine, self._artifact, self._spec = project, engine, artifact, spec
        self._grain = Grain.of(spec, project.spec.file.entities[spec.entity])

    def answers(
        self, points: pa.Table, keys: Mapping[str, str], instant: str, names: Mapping[str, str], name: str
    ) -> Any:
        """Return points with the columns that `names` gives new names."""
        behind = columns_behind(self._spec, list(names.values()))
        read = [column for column in behind if self._spec.feature_of(column).derived is None]
        wanted = list({item.column: item for column in read for item in self._wanted(column)}.values())
        ticks = ticks_of(points[instant].to_numpy(), self._spec)
        asked, chunks = points.append_column(TICK, pa.array(ticks)), self._chunks(ticks, wanted)
        told = [item for item in wanted if item.part.measure != "order"]
        if not self._engine.shares_memory:
            known = self._engine.arrow(f"{name}_asked", asked)
            parts = list(dict.fromkeys(item.part.column for item in wanted))
            cells = engine_cells(self._engine, self._project.store, self._artifact, self._grain, parts, chunks, name)
            joined = self._engine.keep(f"{name}_parts", by_join(cells, self._grain, known, keys, told))
            values = self._values(joined, behind)
            return self._engine.keep(
                name, values.select(*points.column_names, **{new: values[old] for new, old in names.items()})
            )
        cells = StoredCells(self._project.store, self._artifact, self._grain, chunks)
        found = in_ranges(cells, asked, keys, told, self._project.spec.file.threads)
        parts = found.parts.append_column(_QUESTION, pa.array(np.arange(len(found.parts))))
        values = self._values(self._engine.arrow(f"{name}_parts", parts), behind)
        answers = self._engine.run(values.select(_QUESTION, **{new: values[old] for new, old in names.items()}))
        return self._engine.arrow(name, self._beside(points, answers, found.number))

    def _values(self, parts: Any, behind: Sequence[str]) -> Any:
        """Return parts with columns of the table that follow from them, each behind those that it needs."""
        derived = {column: self._spec.feature_of(column).derived for column in behind}
        values = parts.mutate(**{column: self._value(parts, column) for column in behind if derived[column] is None})
        for column, text in derived.items():
            if text is not None:
                values = values.mutate(**{column: parse_expression(text).to_ibis(values)})
        return values

    def _wanted(self, column: str) -> list[Wanted]:
        feature, window = self._spec.columns[column]
        return [Wanted(window or EVER, part) for part in parts_of(self._spec.features[feature])]

    def _value(self, parts: Any, column: str) -> Any:
        feature, source = self._spec.feature_of(column), self._project.spec.sources[self._spec.source]
        answer = Answer(feature, aggregate_type(self._spec, feature, source), sum_scale(feature, source))
        found: dict[Measure, Any] = {
            item.part.measure: parts[item.column] for item in self._wanted(column) if item.part.measure != "order"
        }
        return answer.value(found, parts[TICK] * ibis.literal(self._grain.step, "int64"))

    def _beside(self, points: pa.Table, answers: pa.Table, number: Ints) -> pa.Table:
        """Return rows with the answers to the questions of these numbers."""
        rows = np.empty(len(answers), np.int64)
        rows[answers[_QUESTION].to_numpy()] = np.arange(len(answers))
        wanted, found = pa.array(rows[number]), answers.drop(_QUESTION)
        columns = at_once(lambda column: combined(column).take(wanted), found.columns, self._project.spec.file.threads)
        for name, column in zip(found.column_names, columns, strict=True):
            points = points.append_column(name, column)
        return points

    def _chunks(self, ticks: Ints, wanted: Sequence[Wanted]) -> list[Mapping[str, Any]]:
        """Return the chunks whose cells can count at ticks."""
        first, last = (int(ticks.min()), int(ticks.max())) if len(ticks) else (0, 0)
        step = self._grain.step
        return chunks_between(self._artifact, first * step, last * step, _longest(wanted))


def _longest(wanted: Sequence[Wanted]) -> timedelta | None:
    """Return how far back the longest window reaches; None means for ever."""
    starts = [item.window.start for item in wanted]
    return None if None in starts else max((-start for start in starts if start is not None), default=timedelta(0))

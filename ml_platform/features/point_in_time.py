"""Point-in-time look-up: the values of a feature table that could be read at given instants.

This is the one way from feature tables to rows, for training, batch scoring and serving.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from ml_platform.core.clock import tick_number
from ml_platform.core.engines import Engine
from ml_platform.core.engines.exact_sums import combined
from ml_platform.core.engines.interval_index import Ints
from ml_platform.core.errors import ValueTooLarge, too_large
from ml_platform.core.expressions import parse_expression
from ml_platform.declarations.feature_table import EVER, FeatureTableSpec
from ml_platform.declarations.resolve import column_types, columns_needed
from ml_platform.features.aggregates.answers import WindowedAggregate, WindowedFeature
from ml_platform.features.lookup import TICK, lookup_by_join, lookup_by_ranges
from ml_platform.features.some_entities import SomeEntities
from ml_platform.features.tile_store import StoredCells, chunks_between, engine_cells
from ml_platform.features.tiles import Grain
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.feature_table import CellChunk, FeatureTableManifest
from ml_platform.storage.chunks import at_once
from ml_platform.storage.manifest import Artifact

QUESTION = "_question"
MANY_CELLS = 20
"""So many cells for each question, or more: only those of entities that are asked about are kept."""


def ticks_of(instants: Ints, spec: FeatureTableSpec) -> Ints:
    """Return the refresh ticks that can be read at instants.

    Parameters
    ----------
    instants
        int64 microseconds since 1970 UTC.

    Returns
    -------
    The ticks as whole numbers of refresh intervals since 1970 UTC.
    """
    return tick_number(instants, spec.refresh, spec.publish_delay)


def features_at(
    project: Project,
    engine: Engine,
    artifact: Artifact,
    rows: pa.Table,
    *,
    keys: Mapping[str, str],
    instant: str,
    columns: Sequence[str],
    called: str | None = None,
) -> pa.Table:
    """Return rows with the values of a feature table as each of them could read it.

    Each question, an entity at a tick, is answered once, however many rows ask it.

    Parameters
    ----------
    artifact
        The feature table.
    rows
        With an entity's key and an instant in int64 microseconds, beside any other columns.
    keys
        The column of `rows` that holds each key column of the table.
    instant
        The column of `rows` that holds the instant.
    columns
        The features to look up; they are called ``table.column``.
    called
        The part before the dot instead of the table's name.

    Returns
    -------
    The rows in their order, with the features after their columns. An entity that has never been seen, or whose key
    is null, has count 0 and sum 0, and null for the rest. Time since the last row is in seconds, up to the tick.

    Raises
    ------
    FeatureError
        Where a value is too large for exact sums.
    ArtifactMissing, ArtifactDamaged
    """
    spec = project.spec.feature_tables[FeatureTableManifest.of(artifact).table]
    try:
        names = {f"{called or spec.name}.{column}": column for column in columns}
        return _LookUp(project, engine, artifact, spec).beside(rows, keys, instant, names)
    except ValueTooLarge as error:
        raise too_large(f"feature table {spec.name}", error) from None


class _LookUp:
    def __init__(self, project: Project, engine: Engine, artifact: Artifact, spec: FeatureTableSpec) -> None:
        self._project, self._engine, self._artifact, self._spec = project, engine, artifact, spec
        self._grain = Grain.of(spec, project.spec.file.entities[spec.entity])
        self._types = column_types(project.spec.sources[spec.source])
        self._zeros = frozenset(FeatureTableManifest.of(artifact).zeros)
        self._answers: dict[str, WindowedFeature] = {}

    def beside(self, rows: pa.Table, keys: Mapping[str, str], instant: str, names: Mapping[str, str]) -> pa.Table:
        """Return rows with the columns that `names` gives new names."""
        needed = columns_needed(self._spec, list(names.values()))
        read = [column for column in needed if self._spec.feature_of(column).from_columns is None]
        wanted = list({item.column: item for column in read for item in self._answer(column).wanted()}.values())
        ticks = ticks_of(rows[instant].to_numpy(), self._spec)
        asked = rows.select(list(dict.fromkeys(keys.values()))).append_column(TICK, pa.array(ticks))
        parts, number = self._parts(asked, keys, wanted, self._chunks(ticks, wanted))
        values = self._values(finished(self._engine, parts, [self._answer(column) for column in read]), needed)
        answers = self._engine.run(values.select(QUESTION, **{new: values[old] for new, old in names.items()}))
        return shared_out(rows, answers, number, self._project.spec.file.threads)

    def _parts(
        self, asked: pa.Table, keys: Mapping[str, str], wanted: Sequence[WindowedAggregate], chunks: Sequence[CellChunk]
    ) -> tuple[Any, Ints]:
        """Return the parts of distinct questions by ``_question``, and which of them each row asked.

        They are an Arrow table where the engine shares memory, else for Ibis.
        """
        by_range = [item for item in wanted if item.part.measure not in ("order", "earliest")]
        if self._engine.shares_memory:
            few = sum(chunk.rows for chunk in chunks) > MANY_CELLS * len(asked)
            entities = SomeEntities({key: asked[name] for key, name in keys.items()}) if few else None
            stored = StoredCells(self._project.store, self._artifact, self._grain, chunks, entities)
            looked_up = lookup_by_ranges(stored, asked, keys, by_range, self._project.spec.file.threads)
            return numbered_questions(looked_up.parts), looked_up.number
        once, number = each_once(asked)
        questions = self._engine.arrow("questions", numbered_questions(once))
        columns = list(dict.fromkeys(item.part.column for item in wanted))
        cells = engine_cells(self._engine, self._project.store, self._artifact, self._grain, columns, chunks)
        return self._engine.keep("parts", lookup_by_join(cells, self._grain, questions, keys, by_range)), number

    def _values(self, parts: Any, needed: Sequence[str]) -> Any:
        """Return parts with columns of the table that follow from them, each after those that it needs."""
        import ibis

        derived = {column: self._spec.feature_of(column).from_columns for column in needed}
        tick = parts[TICK] * ibis.literal(self._grain.step, "int64")
        read = [column for column in needed if derived[column] is None]
        values = parts.mutate(**{column: self._answer(column).value(parts, tick) for column in read})
        for column, text in derived.items():
            if text is not None:
                values = values.mutate(**{column: parse_expression(text).to_ibis(values)})
        return values

    def _answer(self, column: str) -> WindowedFeature:
        if column not in self._answers:
            name, window = self._spec.columns[column]
            self._answers[column] = WindowedFeature(self._spec.features[name], window or EVER, self._types, self._zeros)
        return self._answers[column]

    def _chunks(self, ticks: Ints, wanted: Sequence[WindowedAggregate]) -> list[CellChunk]:
        """Return the chunks whose cells can count at ticks."""
        first, last = (int(ticks.min()), int(ticks.max())) if len(ticks) else (0, 0)
        step = self._grain.step
        return chunks_between(self._artifact, first * step, last * step, _longest(wanted))


def _longest(wanted: Sequence[WindowedAggregate]) -> timedelta | None:
    """Return how far back the longest window reaches; None means for ever."""
    starts = [item.window.start for item in wanted]
    return None if None in starts else max((-start for start in starts if start is not None), default=timedelta(0))


def numbered_questions(questions: pa.Table) -> pa.Table:
    """Return questions with their numbers."""
    return questions.append_column(QUESTION, pa.array(np.arange(len(questions))))


def each_once(asked: pa.Table) -> tuple[pa.Table, Ints]:
    """Return each of some rows once, and which of these each row is."""
    number = np.zeros(len(asked), np.int64)
    for column in asked.columns:
        codes = combined(column).dictionary_encode(null_encoding="encode").indices.to_numpy().astype(np.int64)
        number = np.unique(number * (codes.max(initial=0) + 1) + codes, return_inverse=True)[1]
    place = np.empty(number.max(initial=-1) + 1, np.int64)
    place[number] = np.arange(len(number))
    return asked.take(pa.array(place)), number


def finished(engine: Engine, parts: Any, answers: Sequence[WindowedFeature]) -> Any:
    """Return parts for Ibis; sums of floats and distinct values are finished here, whatever the engine."""
    if not any(answer.outside for answer in answers):
        return engine.arrow("parts", parts) if isinstance(parts, pa.Table) else parts
    table = parts if isinstance(parts, pa.Table) else engine.run(parts)
    made = {name: values for answer in answers for name, values in answer.finished(table)}
    limbs = {item.column for answer in answers for item in answer.wanted() if item.part.limb is not None}
    kept = table.drop(sorted(limbs | made.keys() & set(table.column_names)))
    for name, values in made.items():
        kept = kept.append_column(name, values)
    return engine.arrow("finished_parts", kept)


def shared_out(rows: pa.Table, answers: pa.Table, number: Ints, threads: int) -> pa.Table:
    """Return rows with the answers to the questions of these numbers."""
    places = np.empty(len(answers), np.int64)
    places[answers[QUESTION].to_numpy()] = np.arange(len(answers))
    places, columns = places[number], answers.drop(QUESTION).columns
    if not np.array_equal(places, np.arange(len(answers))):
        columns = at_once(lambda column: combined(column).take(pa.array(places)), columns, threads)
    for name, column in zip(answers.drop(QUESTION).column_names, columns, strict=True):
        rows = rows.append_column(name, column)
    return rows

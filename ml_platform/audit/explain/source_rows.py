"""The source rows of features: those that were visible at a tick, in the feature's window, for the row's entity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ml_platform.audit.explain.source_rows_types import TICK, Answers, SourceRow, TableQuestions, TracedRows
from ml_platform.core.clock import MICROSECOND, from_micros, to_micros
from ml_platform.core.engines import Engine
from ml_platform.core.engines.interval_index import Ints
from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.core.expressions import parse_expression
from ml_platform.core.frames import to_frame
from ml_platform.core.plain_values import plain_value
from ml_platform.declarations.aggregates import Feature
from ml_platform.declarations.feature_table import EVER
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.source import SourceSpec
from ml_platform.features.visibility import is_after_start, is_in_window, is_known
from ml_platform.project import Project
from ml_platform.sources.source_log import (
    EVENT,
    FILE,
    FOREVER,
    KNOWN,
    ROW,
    UNTIL,
    chunk_names,
    has_records,
    placed_versions,
    versions_in,
)
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output


def traced_rows(project: Project, engine: Engine, asked: Sequence[TableQuestions], limit: int | None) -> list[Answers]:
    """Return the source rows of the columns of feature tables that were made from one state of one source.

    Parameters
    ----------
    project
        With the declarations by which the tables were made.
    limit
        So many rows are listed for each feature, the newest; None lists all.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
    """
    spec = project.spec.sources[asked[0].table.source]
    source = project.store.get("source", asked[0].artifact.inputs["source"])
    keys = [list(project.spec.file.entities[item.table.entity]) for item in asked]
    rows = _rows_of_any(engine, project, source, spec, asked, keys)
    replaced = _replaced_since(project, engine, source, spec)
    return [
        _Finder(spec, source.id, item, key, rows, replaced, limit).answers()
        for item, key in zip(asked, keys, strict=True)
    ]


def _rows_of_any(
    engine: Engine,
    project: Project,
    source: Artifact,
    spec: SourceSpec,
    asked: Sequence[TableQuestions],
    keys: Sequence[list[str]],
) -> pd.DataFrame:
    """Return the rows that may answer any question, with the columns that are used, the newest first."""
    read = {name for item in asked for text in item.expressions for name in parse_expression(text).names}
    columns = list(dict.fromkeys([*spec.key, *(name for key in keys for name in key), *sorted(read)]))
    rows = placed_versions(engine, project.store, source, spec.key, "traced_rows")
    wanted = [_wanted(rows, item, key) for item, key in zip(asked, keys, strict=True)]
    rows = rows.filter(reduce(lambda one, other: one | other, wanted))
    versions = to_frame(engine.run(rows.select(*columns, EVENT, KNOWN, UNTIL, FILE, ROW)))
    numbers = {source.objects[chunk].sha256: number for number, chunk in enumerate(chunk_names(source))}
    versions[FILE] = versions[FILE].map(numbers)
    return versions.sort_values([EVENT, FILE, ROW], ascending=False, ignore_index=True)


def _wanted(rows: Any, asked: TableQuestions, key: Sequence[str]) -> Any:
    """Return which rows may answer any question of one table: those of its entities in the widest window."""
    ticks = [to_micros(tick.to_pydatetime()) for tick in asked.questions[TICK]]
    windows = [window or EVER for feature in asked.features.values() for window in (feature.windows or (None,))]
    starts = [window.start for window in windows]
    ahead = max((window.end for window in windows), default=timedelta(0)) // MICROSECOND
    condition = (rows[KNOWN] <= max(ticks)) & (rows[UNTIL] > min(ticks))
    condition = condition & is_in_window(rows[EVENT], max(ticks), None, ahead)
    if None not in starts:
        back = min((start for start in starts if start is not None), default=timedelta(0)) // MICROSECOND
        condition = condition & is_after_start(rows[EVENT], min(ticks), back)
    for name in key:
        values = [plain_value(value) for value in asked.questions[name].dropna().unique()]
        condition = condition & (rows[name].isin(values) if values else ibis.literal(False))
    return condition


class _Finder:
    """Finds the source rows of the columns of one table, among rows that were read."""

    def __init__(
        self,
        spec: SourceSpec,
        source_id: str,
        asked: TableQuestions,
        keys: list[str],
        rows: pd.DataFrame,
        replaced: Mapping[tuple[Any, ...], datetime],
        limit: int | None,
    ) -> None:
        self._spec, self._source_id, self._asked, self._keys = spec, source_id, asked, keys
        self._table, self._replaced, self._limit = asked.table, replaced, limit
        self._rows = rows if self._table.where is None else rows[_holds(self._table.where, rows)]
        self._rows = self._rows.reset_index(drop=True)
        self._times = {name: self._rows[name].to_numpy("int64") for name in (EVENT, KNOWN, UNTIL)}
        self._values = {str(name): self._rows[name].astype(object).to_numpy() for name in self._rows.columns}
        self._columns = {text: _evaluated(text, self._rows) for text in asked.expressions if text != self._table.where}
        self._nulls = {text: pd.isna(values) for text, values in self._columns.items()}
        self._groups = self._rows.groupby(keys if len(keys) > 1 else keys[0], sort=False).indices

    def answers(self) -> Answers:
        """Return the source rows of each column, for each question."""
        answers: Answers = {}
        for question in self._asked.questions.drop_duplicates(ignore_index=True).to_dict("records"):
            entity = {key: plain_value(question[key]) for key in self._keys}
            tick = question[TICK].to_pydatetime()
            places = self._visible(entity, to_micros(tick))
            traced = {column: self._traced(column, places, entity, tick) for column in self._asked.columns}
            answers[(*entity.values(), tick)] = traced
        return answers

    def _visible(self, entity: Mapping[str, Any], tick: int) -> Ints:
        """Return the places of an entity's rows that were known at a tick, the newest first."""
        values = tuple(entity.values())
        nothing = np.zeros(0, np.int64)
        if None in values:
            return nothing
        places: Ints = np.sort(self._groups.get(values if len(values) > 1 else values[0], nothing))
        visible: Ints = places[is_known(self._times[KNOWN][places], self._times[UNTIL][places], tick)]
        return visible

    def _traced(self, column: str, places: Ints, entity: Mapping[str, Any], tick: datetime) -> TracedRows:
        name, window = self._table.columns[column]
        feature, window = self._table.features[name], window or EVER
        if feature.from_columns is not None:
            origins = tuple(sorted(parse_expression(feature.from_columns).names))
            return TracedRows(self._spec.name, self._source_id, entity, None, tick, 0, 0, (), origins)
        start, end = None if window.start is None else tick + window.start, tick + window.end
        back = None if window.start is None else window.start // MICROSECOND
        inside = is_in_window(self._times[EVENT][places], to_micros(tick), back, window.end // MICROSECOND)
        if feature.where is not None:
            inside &= self._columns[feature.where][places] == True  # noqa: E712  (null does not hold)
        inside_places = places[inside]
        nulls = 0 if feature.expression is None else int(self._nulls[feature.expression][inside_places].sum())
        listed = tuple(self._listed(feature, inside_places))
        return TracedRows(self._spec.name, self._source_id, entity, start, end, len(inside_places), nulls, listed)

    def _value(self, feature: Feature, place: Any) -> Any:
        return None if feature.expression is None else plain_value(self._columns[feature.expression][place])

    def _listed(self, feature: Feature, places: Ints) -> Iterator[SourceRow]:
        """Yield the newest rows, and the row that decides the feature's value even if it is older."""
        deciding = self._deciding(feature, places)
        limit = len(places) if self._limit is None else self._limit
        conditions = [text for text in (feature.where, self._table.where) if text is not None]
        texts = [*feature.expressions.values(), *conditions]
        names = {column for text in texts for column in parse_expression(text).names}
        shown = [name for name in self._rows.columns if name in names or name in self._spec.key]
        further = [deciding] if deciding is not None and deciding not in places[:limit] else []
        for place in [*places[:limit], *further]:
            yield self._row(feature, int(place), shown, decides=place == deciding)

    def _row(self, feature: Feature, place: int, shown: Sequence[str], *, decides: bool) -> SourceRow:
        event, known, until = (int(self._times[name][place]) for name in (EVENT, KNOWN, UNTIL))
        values = {name: plain_value(self._values[name][place]) for name in shown}
        since = self._replaced.get((*(values[name] for name in self._spec.key), event, known))
        return SourceRow(
            values=values,
            event=from_micros(event),
            known=from_micros(known),
            replaced=from_micros(until) if until < FOREVER else since,
            value=self._value(feature, place),
            gives_value=decides,
        )

    def _deciding(self, feature: Feature, places: Ints) -> int | None:
        """Return the place of the row whose value the feature is; None where it follows from many."""
        if feature.expression is None:
            return _at(places, feature.explaining_row(self._times[EVENT][places], np.ones(len(places), bool)))
        values, known = self._columns[feature.expression][places], ~self._nulls[feature.expression][places]
        return _at(places, feature.explaining_row(values, known))


def _at(places: Ints, row: int | None) -> int | None:
    return None if row is None else int(places[row])


def _holds(text: str, rows: pd.DataFrame) -> np.ndarray:
    expression = parse_expression(text)
    return expression.matches({name: rows[name] for name in expression.names}, len(rows))


def _evaluated(text: str, rows: pd.DataFrame) -> np.ndarray:
    expression = parse_expression(text)
    return expression.evaluate({name: rows[name] for name in expression.names}, len(rows))


def _replaced_since(
    project: Project, engine: Engine, then: Artifact, spec: SourceSpec
) -> dict[tuple[Any, ...], datetime]:
    """Return when rows of a log were replaced by a later ingest, by key, event and known-at.

    Empty where the source's log has not changed since, was restarted, or cannot be read now.
    """
    now_id = current_output(project.database, NodeName("source", spec.name))
    if now_id is None or now_id == then.id:
        return {}
    try:
        now = project.store.get("source", now_id)
        if not has_records(now) or not set(chunk_names(then)) <= set(chunk_names(now)):
            return {}
        known = {record.id for record in SourceManifest.of(then).records}
        touched = {item.chunk for item in SourceManifest.of(now).records if item.id not in known}
        chunks = [name for name in chunk_names(then) if name in touched]
        if not chunks:
            return {}
        rows = versions_in(engine, project.store, now, chunks, "rows_since")
    except (ArtifactMissing, ArtifactDamaged):
        return {}
    ended = engine.run(rows.filter(rows[UNTIL] < FOREVER).select(*spec.key, EVENT, KNOWN, UNTIL))
    return {
        (*(plain_value(row[name]) for name in spec.key), row[EVENT], row[KNOWN]): from_micros(row[UNTIL])
        for row in ended.to_pylist()
    }

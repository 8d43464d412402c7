"""Logged requests once more: features at the ticks that were served, and outputs from the form for many rows."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ml_platform.core.clock import MICROSECOND, from_micros, tick_number
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.population_columns import required_columns
from ml_platform.declarations.source import ColumnType
from ml_platform.models.predictor import Predictor, load_deployed
from ml_platform.operations.online.content import joins_online
from ml_platform.operations.parity.bits import differing
from ml_platform.operations.parity.difference import Compared
from ml_platform.operations.parity.outputs import as_recommended, many_rows, output_columns
from ml_platform.operations.parity.reasons import cause_of_output
from ml_platform.operations.predictions.compact_online import ONLINE
from ml_platform.operations.predictions.logged import Logged, LoggedSegment, logged_segments, rows_of, together
from ml_platform.operations.predictions.recompute_features import features_then, project_then
from ml_platform.project import Project
from ml_platform.storage.erasure_marks import marks_of
from ml_platform.storage.parquet import table_of
from ml_platform.storage.prediction_log import KIND, logged_day


@dataclass
class RequestParity:
    """Logged requests that were recomputed.

    Attributes
    ----------
    logged
        How many requests the days hold, of which `compared.rows` were drawn.
    late
        Rows that read an older tick of some feature table than training would have read at that moment.
    late_by_table
        Of each table, how many rows were late.
    greatest_lag
        Of each table that was late, how much older its tick was at most than the one that was due, in seconds.
    erased
        Rows whose features differ because rows of their sources were erased.
    """

    logged: int = 0
    compared: Compared = field(default_factory=Compared)
    late: int = 0
    late_by_table: Counter[str] = field(default_factory=Counter)
    greatest_lag: dict[str, float] = field(default_factory=dict)
    erased: int = 0


def compare_requests(project: Project, model: str, days: Sequence[date], size: int) -> RequestParity:
    """Recompute logged online requests of some days, at most `size`, drawn by the hash of the prediction id.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
        Where something that the requests were answered from is gone.
    """
    parity = RequestParity()
    predictors: dict[str, Predictor] = {}
    for logged in _drawn(project, model, days, size, parity):
        for id in map(str, logged.rows["trained_model"].unique()):
            if id not in predictors:
                predictors[id] = load_deployed(project, project.store.get("trained_model", id))
        _Group(project, logged, predictors, parity).compare()
    return parity


def _drawn(project: Project, model: str, days: Sequence[date], size: int, parity: RequestParity) -> Iterator[Logged]:
    """Yield the drawn requests, those that were answered from the same together."""
    draws: list[tuple[int, str, int]] = []
    segments: list[LoggedSegment] = []
    for day in days:
        logged = logged_day(project, model, day)
        if logged is None:
            continue
        for segment in logged_segments(project.store.get(KIND, logged.artifact)):
            ids = _online_ids(project, segment)
            parity.logged += len(ids)
            draws = heapq.nsmallest(size, [*draws, *((_draw(id), id, len(segments)) for id in ids)])
            segments.append(segment)
    chosen: dict[int, list[str]] = {}
    for _, id, place in draws:
        chosen.setdefault(place, []).append(id)
    groups: dict[tuple[object, ...], list[tuple[pa.Table, LoggedSegment]]] = {}
    for place in sorted(chosen):
        part = (rows_of(project, segments[place], chosen[place]), segments[place])
        groups.setdefault(segments[place].identity, []).append(part)
    yield from (together(project, model, parts) for parts in groups.values())


def online_segments(project: Project, model: str, day: date) -> list[str]:
    """Return the ids of a day's segments that hold requests; a batch run appends others, which parity does not read."""
    logged = logged_day(project, model, day)
    if logged is None:
        return []
    segments = logged_segments(project.store.get(KIND, logged.artifact))
    return [segment.facts.id for segment in segments if _is_online(project, segment)]


def _is_online(project: Project, segment: LoggedSegment) -> bool:
    stored = segment.state.objects[segment.name]
    return ONLINE in pq.read_schema(project.store.local_path(stored)).names


def _online_ids(project: Project, segment: LoggedSegment) -> list[str]:
    if not _is_online(project, segment):
        return []
    rows = table_of(project.store.read(segment.state.objects[segment.name]), ["prediction_id", ONLINE])
    ids: list[str] = rows.filter(pc.fill_null(rows[ONLINE], False))["prediction_id"].to_pylist()
    return ids


def _draw(id: str) -> int:
    return int.from_bytes(hashlib.blake2b(id.encode(), digest_size=8).digest(), "big")


class _Group:
    """Requests that were answered from the same artifacts by the same declarations."""

    def __init__(
        self, project: Project, logged: Logged, predictors: Mapping[str, Predictor], parity: RequestParity
    ) -> None:
        self._project, self._logged, self._predictors, self._parity = project, logged, predictors, parity
        then, self._problem = project_then(project, logged)
        assert then is not None, "the model is declared"
        self._then, self._model = then, then.spec.models[logged.model]
        self._tables = {joined.alias: joined.table for joined in joins_online(then.spec, self._model)}

    def compare(self) -> None:
        """Compare ticks, features and outputs of all rows."""
        self._count_late()
        recomputed_features = features_then(self._then, self._logged).loc[self._logged.rows.index]
        population = required_columns(self._then.spec, self._model).name
        for trained_id, rows in self._logged.rows.groupby("trained_model", sort=False):
            predictor = self._predictors[str(trained_id)]
            features: dict[str, ColumnType] = {
                column.name: column.type
                for column in predictor.inputs
                if "." in column.name and column.name.partition(".")[0] != population
            }
            outputs = output_columns(predictor)
            predicted = as_recommended(predictor, rows, many_rows(predictor, rows))
            masks = {
                **self._tick_masks(rows),
                **self._not_erased(differing(rows, recomputed_features.loc[rows.index], features)),
                **differing(rows, predicted, outputs),
            }
            recomputed = recomputed_features.loc[rows.index, list(features)].join(predicted).join(self._ticks_of(rows))
            self._add(predictor, rows, recomputed, masks)

    def _add(
        self, predictor: Predictor, rows: pd.DataFrame, recomputed: pd.DataFrame, masks: Mapping[str, np.ndarray]
    ) -> None:
        compared, outputs = self._parity.compared, output_columns(predictor)

        def note(place: int, column: str) -> str:
            return self._note(rows.iloc[place], column)

        for listed, place, column in compared.add(list(map(str, rows.index)), rows, recomputed, masks, note):
            if column in outputs:
                row = rows.iloc[[place]]
                difference = compared.differences[listed]
                compared.differences[listed] = cause_of_output(
                    self._project, self._logged.model, predictor, row, row, difference
                )

    def _note(self, row: pd.Series, column: str) -> str:
        table = self._tables.get(column.partition(".")[0])
        tick = "" if table is None else f"tick {format_instant(row[f'tick.{table.name}'].to_pydatetime())}"
        return "; ".join(part for part in (tick, self._problem) if part)

    # Ticks -------------------------------------------------------------------

    def _served(self, rows: pd.DataFrame, table: FeatureTableSpec) -> np.ndarray:
        return _micros(rows[f"tick.{table.name}"])

    def _tick_masks(self, rows: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return which served ticks are none of the declared ones."""
        step = {table.name: table.refresh // MICROSECOND for table in self._tables.values()}
        return {
            f"tick.{table.name}": self._served(rows, table) % step[table.name] != 0 for table in self._tables.values()
        }

    def _ticks_of(self, rows: pd.DataFrame) -> pd.DataFrame:
        columns = {}
        for table in self._tables.values():
            step = table.refresh // MICROSECOND
            ticks = self._served(rows, table) // step * step
            columns[f"tick.{table.name}"] = pd.Series([from_micros(int(tick)) for tick in ticks], rows.index)
        return pd.DataFrame(columns, index=rows.index)

    def _count_late(self) -> None:
        rows, parity = self._logged.rows, self._parity
        at, late = _micros(rows["prediction_time"]), np.zeros(len(rows), bool)
        for table in {table.name: table for table in self._tables.values()}.values():
            step = table.refresh // MICROSECOND
            lag = tick_number(at, table.refresh, table.publish_delay) * step - self._served(rows, table)
            late |= lag > 0
            if (lag > 0).any():
                parity.late_by_table[table.name] += int((lag > 0).sum())
                seconds = float(lag.max()) / 1e6
                parity.greatest_lag[table.name] = max(seconds, parity.greatest_lag.get(table.name, 0.0))
        parity.late += int(late.sum())

    # Erased rows -------------------------------------------------------------

    def _not_erased(self, masks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return which features differ; none where rows of a source were erased since: they are counted apart."""
        differ = np.any(list(masks.values()), axis=0) if masks else np.zeros(0, bool)
        if not differ.any() or not self._is_erased():
            return masks
        self._parity.erased += int(differ.sum())
        return {name: np.zeros_like(mask) for name, mask in masks.items()}

    def _is_erased(self) -> bool:
        read = [(NodeName.parse(node).kind, id) for node, id in self._logged.inputs.items()]
        tables = [id for kind, id in read if kind == "feature_table"]
        read += [("source", self._project.store.get("feature_table", id).inputs["source"]) for id in tables]
        return any(marks_of(self._project, kind, id) for kind, id in read)


def _micros(instants: pd.Series) -> np.ndarray:
    return instants.astype("datetime64[us, UTC]").to_numpy("datetime64[us]").view(np.int64)

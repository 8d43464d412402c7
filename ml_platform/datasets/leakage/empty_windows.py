"""Nulls that an aggregate explains: no row lies in its window, so that its count is 0 and its mean is missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from ml_platform.core.clock import MICROSECOND, tick_number
from ml_platform.datasets.exclusions import EFFECTIVE_TIME
from ml_platform.declarations.feature_table import EVER
from ml_platform.declarations.joins import Joined, joined_table
from ml_platform.declarations.label_aggregates import read_label_aggregate
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.resolve import column_types, columns_needed
from ml_platform.features.window_values import ForwardWindow, window_values
from ml_platform.project import Project
from ml_platform.sources.source_log import chunk_names, numbered_versions
from ml_platform.storage.manifest import Artifact

EmptyWindows = Callable[[str], np.ndarray]
"""Returns, for a feature ``table.column``, in which rows of a snapshot no source row lies in its window."""

_ROWS, _TICK = "rows", "_tick_time"
_ALL_OF_THE_PAST = timedelta(days=36_525)


def no_empty_windows(frame: pd.DataFrame) -> EmptyWindows:
    """Return the answer for a frame of which nothing but its values is known: no window is empty."""
    return lambda _: np.zeros(len(frame), bool)


def empty_windows(project: Project, model: ModelSpec, snapshot: Artifact, frame: pd.DataFrame) -> EmptyWindows:
    """Return in which rows of a snapshot the window of a feature has no row, as known at the batch run.

    A feature that follows from others has an empty window where one of them has. Of a column of the population, and of
    a table whose keys are not in the snapshot, no window is empty: their nulls are never explained.
    """

    def empty(feature: str) -> np.ndarray:
        alias, _, column = feature.partition(".")
        joined = joined_table(project.spec, model, alias)
        is_empty = np.zeros(len(frame), bool)
        if joined is None or not set(joined.keys.values()) <= set(frame.columns):
            return is_empty
        for name in columns_needed(joined.table, [column]):
            if joined.table.feature_of(name).from_columns is None:
                is_empty |= _row_counts(project, joined, name, snapshot, frame) == 0
        return is_empty

    return empty


def _row_counts(project: Project, joined: Joined, column: str, snapshot: Artifact, frame: pd.DataFrame) -> np.ndarray:
    table, source = joined.table, project.spec.sources[joined.table.source]
    name, window = table.columns[column]
    conditions = [f"({text})" for text in (table.where, table.features[name].where) if text is not None]
    count = read_label_aggregate({"count": True, "where": " and ".join(conditions) or None})
    start, end = (window or EVER).start, (window or EVER).end
    length = _ALL_OF_THE_PAST if start is None else end - start
    forward = ForwardWindow(timedelta(0), length, -end)
    runs = frame[EFFECTIVE_TIME].to_numpy(dtype="datetime64[us]").astype("int64")
    ticks = tick_number(runs, table.refresh, table.publish_delay) * (table.refresh // MICROSECOND)
    keys = {key: pa.Array.from_pandas(frame[held]) for key, held in joined.keys.items()}
    asked = pa.table({**keys, _TICK: pa.array(ticks - forward.horizon // MICROSECOND)})
    tiles = project.store.get("feature_table", snapshot.inputs[NodeName("feature_table", table.name)])
    log = project.store.get("source", tiles.inputs["source"])
    with project.engine() as engine:
        rows = numbered_versions(engine, project.store, log, chunk_names(log), "rows_in_windows")
        counted = window_values(engine, rows, {_ROWS: count}, column_types(source), asked, _TICK, forward)
    counts: np.ndarray = counted[_ROWS].to_numpy()
    return counts

"""Logged predictions, with what the scoring that made them read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.core.frames import to_frame
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.predictions import PredictionsManifest, Segment
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.parquet import table_of
from ml_platform.storage.prediction_log import segment_names


@dataclass(frozen=True)
class Logged:
    """Predictions of one model that were made from the same inputs by the same declarations.

    Attributes
    ----------
    rows
        As they were logged, by ``prediction_id``; ``_log`` and ``_segment`` are the place of each.
    inputs
        Ids of the artifacts that the scoring read, by node.
    declared
        The declarations as they were; None where the segment does not have them.
    exact
        Whether the segment itself records what it read. If not, `inputs` are those of the day's last scoring.
    problem
        Why the declarations are not there.
    """

    model: str
    rows: pd.DataFrame
    key: tuple[str, ...]
    inputs: Mapping[str, str]
    declared: Mapping[str, Any] | None
    exact: bool
    problem: str = ""


@dataclass(frozen=True)
class LoggedSegment:
    """A segment of a day's log."""

    log: str
    name: str
    facts: Segment
    inputs: Mapping[str, str]
    state: Artifact

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes predictions of several segments belong together."""
        return (json.dumps(dict(self.inputs), sort_keys=True), self.facts.declared, self.facts.inputs is not None)


def logged_segments(state: Artifact) -> Iterator[LoggedSegment]:
    """Yield the segments of a day, oldest first."""
    for name, facts in zip(segment_names(state), PredictionsManifest.of(state).segments, strict=True):
        yield LoggedSegment(state.id, name, facts, state.inputs if facts.inputs is None else facts.inputs, state)


def rows_of(project: Project, segment: LoggedSegment, ids: Sequence[str]) -> pa.Table:
    """Return the rows of a segment with some ids; a table without columns where there are none."""
    content = project.store.read(segment.state.objects[segment.name])
    mask = pc.is_in(table_of(content, ["prediction_id"])["prediction_id"], pa.array(ids, pa.large_string()))
    return table_of(content).filter(mask) if pc.any(mask).as_py() else pa.table({})


def together(project: Project, model: str, parts: Sequence[tuple[pa.Table, LoggedSegment]]) -> Logged:
    """Return rows of segments that were made from the same."""
    placed = [
        rows.append_column("_log", pa.repeat(segment.log, rows.num_rows)).append_column(
            "_segment", pa.repeat(segment.name, rows.num_rows)
        )
        for rows, segment in parts
    ]
    segment = parts[0][1]
    rows = to_frame(pa.concat_tables(placed, promote_options="permissive"))
    declared, problem = _declared(project, segment)
    names = list(rows.columns)
    key = tuple(names[names.index("trained_model") + 1 : names.index("prediction_time")])
    rows = rows.set_index("prediction_id", drop=False)
    return Logged(model, rows, key, segment.inputs, declared, segment.facts.inputs is not None, problem)


def _declared(project: Project, segment: LoggedSegment) -> tuple[Mapping[str, Any] | None, str]:
    """Return the declarations that a segment was made by, or why they are not there."""
    kept = segment.facts.declared
    if kept is None:
        return None, "the log segment has no declarations"
    try:
        declared: Mapping[str, Any] = json.loads(project.store.read(segment.state.objects[kept]))
        return declared, ""
    except (ArtifactMissing, ArtifactDamaged) as error:
        return None, f"the logged declarations cannot be read: {error}"

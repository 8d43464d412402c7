"""Making a snapshot from what was known at an instant."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.engines import Engine
from ml_platform.core.errors import SnapshotError
from ml_platform.core.hashing import cache_key, format_instant
from ml_platform.datasets.exclusions import EXCLUSIONS
from ml_platform.datasets.feature_columns import required_input
from ml_platform.datasets.frame import Frame
from ml_platform.datasets.labels.labels import label_facts, with_labels
from ml_platform.datasets.labels.states import (
    CONTRADICTORY,
    LABEL,
    LABEL_STATE,
    LABEL_STATES,
    NEGATIVE_STATES,
    UNKNOWN_STATES,
)
from ml_platform.datasets.snapshot.boundaries import PARTS, Boundaries, Part
from ml_platform.datasets.snapshot.collected import CollectedRows, without_label
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import feature_tables_of
from ml_platform.declarations.user_code.version import code_version
from ml_platform.project import Project
from ml_platform.sources.source_log import known_by
from ml_platform.storage.artifact_kinds.snapshot import PeriodLabel, SnapshotManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.materialization import Materialized
from ml_platform.storage.outputs import current_output


def build_snapshot(project: Project, model_name: str, inputs: Mapping[str, str], as_of: datetime) -> Materialized:
    """Make a model's training frame from what was known at an instant.

    Parameters
    ----------
    inputs
        Ids of artifacts by node: the sources of population and label, and the feature tables. Others are ignored.
    as_of
        Rows are taken whose label horizon has passed by then. Nothing that became known later takes part.

    Returns
    -------
    Materialized
        An artifact of kind ``snapshot``, with one object for each UTC day of batch runs.

    Raises
    ------
    SnapshotError
        Where a stretch has no row, the label of a classification has one class in the train period, or rows of the
        label's source contradict one another on more than one question in a hundred.
    """
    builder = _Builder(project, model_name, inputs, as_of)
    snapshot = project.store.find("snapshot", builder.key)
    return Materialized(snapshot, reused=True) if snapshot is not None else Materialized(builder.build(), reused=False)


def rebuild_snapshot(project: Project, model_name: str, inputs: Mapping[str, str], as_of: datetime) -> Artifact:
    """Make a snapshot as `build_snapshot` does, also where it is in the store already."""
    return _Builder(project, model_name, inputs, as_of).build()


def snapshot_key(project: Project, model_name: str, logs: Mapping[str, Artifact], as_of: datetime) -> str:
    """Return the key of a snapshot: rows that became known after `as_of` take no part in it, as in the snapshot.

    Parameters
    ----------
    logs
        By node that the snapshot is made from, the state of the source that is read, or that the table was made of.
    """
    declared = {**deciding_declaration(project.spec, model_name), "as_of": as_of}
    known = {node: known_by(log, as_of) for node, log in logs.items()}
    return cache_key("snapshot", declared, _code(), known)


def deciding_declaration(spec: ProjectSpec, model_name: str) -> dict[str, Any]:
    """Return what decides a model's snapshots in its declaration and in those of its sources and feature tables."""
    tables = feature_tables_of(spec, spec.models[model_name])
    return {
        **deciding_part(spec, "snapshot", model_name),
        "model": model_name,
        "tables": {table: deciding_part(spec, "feature_table", table) for table in tables},
    }


def _code() -> str:
    return f"{code_version('snapshot')} {code_version('feature_table')}"


def last_as_of(project: Project, model_name: str) -> datetime | None:
    """Return as of when the model's last snapshot was made; None before the first."""
    id = current_output(project.database, NodeName("snapshot", model_name))
    return datetime.fromisoformat(SnapshotManifest.of(project.store.get("snapshot", id)).as_of) if id else None


class _Builder:
    def __init__(self, project: Project, model_name: str, inputs: Mapping[str, str], as_of: datetime) -> None:
        self._project, self._model, self._as_of = project, project.spec.models[model_name], as_of
        self._bounds = Boundaries.of(self._model, as_of)
        tables = feature_tables_of(project.spec, self._model)
        needed = [NodeName("source", name) for name in (*self._model.population.sources, self._model.label.source)]
        needed += [NodeName("feature_table", table) for table in tables]
        self._inputs: Mapping[str, str] = {
            str(node): required_input(inputs, model_name, node) for node in dict.fromkeys(needed)
        }
        logs = {node: self._source_of(node, id) for node, id in self._inputs.items()}
        self.key = snapshot_key(project, model_name, logs, as_of)

    def _source_of(self, node: str, id: str) -> Artifact:
        store = self._project.store
        if NodeName.parse(node).kind == "source":
            return store.get("source", id)
        return store.get("source", store.get("feature_table", id).inputs["source"])

    def build(self) -> Artifact:
        rows, dropped = CollectedRows(self._project.store, self._bounds), Counter[str]()
        negatives, twice = Counter[str](), ""
        with self._project.engine() as engine:
            frame = Frame(self._project, self._model.name, self._inputs, engine)
            for period in frame.periods(self._bounds.train_start, self._bounds.end):
                labelled, excluded = self._labelled(frame, engine, period)
                kept = labelled.filter(pc.is_valid(labelled[LABEL]))
                dropped.update(_states(without_label(labelled), UNKNOWN_STATES))
                dropped.update(excluded)
                negatives.update(_states(kept, NEGATIVE_STATES))
                rows.add(kept.drop_columns([LABEL_STATE]))
                twice = twice or _contradicted(labelled, frame.keys)
            self._require_few(twice, dropped, rows.rows - negatives.total() + dropped["label_null"])
            dropped["not_settled"] += frame.count(self._bounds.end, self._as_of)
        return self._write(rows, dict(dropped), dict(negatives))

    def _labelled(
        self, frame: Frame, engine: Engine, period: tuple[datetime, datetime]
    ) -> tuple[pa.Table, dict[str, int]]:
        rows, excluded = frame.counted_rows(*period)
        source = self._inputs[NodeName("source", self._model.label.source)]
        return with_labels(self._project, self._model.name, source, rows, engine, self._as_of), excluded

    # Writing ---------------------------------------------------------------

    def _write(self, rows: CollectedRows, dropped: dict[str, int], negatives: dict[str, int]) -> Artifact:
        labels = {part: rows.labels(part) for part in PARTS}
        counts = {part: len(label) for part, label in labels.items()}
        dropped["purged"] = rows.rows - sum(counts.values())
        self._require_rows(counts, dropped)
        self._require_classes(labels["train"], {**dropped, **{f"negative_{name}": n for name, n in negatives.items()}})
        rows.store()
        manifest = SnapshotManifest(
            model=self._model.name,
            as_of=format_instant(self._as_of),
            boundaries=self._bounds.written(),
            rows={str(part): count for part, count in counts.items()},
            dropped=dropped,
            negatives=negatives,
            columns={field.name: _TYPE_NAMES[str(field.type)] for field in rows.schema},
            nulls={name: rows.nulls[name] / rows.rows for name in rows.schema.names},
            label={part: PeriodLabel(**label_facts(label, self._is_number())) for part, label in labels.items()},
            days=len(rows.chunks),
            chunks=tuple(rows.chunks),
            declared=deciding_declaration(self._project.spec, self._model.name),
            code=_code(),
        )
        return self._project.store.add(manifest, self.key, objects=rows.objects, inputs=self._inputs)

    def _require_few(self, key: str, dropped: Mapping[str, int], answered: int) -> None:
        """Raise where more questions than few errors explain have contradictory answers: the declaration is wrong."""
        count, source = dropped.get(f"label_{CONTRADICTORY}", 0), self._model.label.source
        if count > math.ceil(_MOST_CONTRADICTORY * (answered + count)):
            raise SnapshotError(
                f"{self._model.name}: several rows of {source} answer differently for {count:,} of "
                f"{answered + count:,} questions, such as {key}. A label has one row for each entity: give {source} "
                "the entity's key as its key, or declare an aggregate over a window."
            )

    def _is_number(self) -> bool:
        return self._model.task in ("regression", "quantile")

    def _require_rows(self, counts: Mapping[Part, int], dropped: Mapping[str, int]) -> None:
        for part in PARTS:
            if counts[part] == 0:
                start, end = self._bounds.stretch(part)
                lost = _lost(dropped)
                raise SnapshotError(
                    f"{self._model.name}: the {part} period from {format_instant(start)} to {format_instant(end)} has "
                    f"no row{f' (rows left out: {lost})' if lost else ''}. Shorten split, ingest more history, or "
                    "let prediction_time lie after rows are known."
                )

    def _require_classes(self, train: pa.ChunkedArray, counts: Mapping[str, int]) -> None:
        if self._is_number():
            return
        classes = pc.unique(train).to_pylist()
        if len(classes) == 1:
            raise SnapshotError(
                f"{self._model.name}: the label has one class ({str(classes[0]).lower()}) in all {len(train)} rows "
                f"of the train period{f' (of all rows: {lost})' if (lost := _lost(counts)) else ''}. Correct "
                f"{self._model.label.place}, or lengthen split.train."
            )


_MOST_CONTRADICTORY = 0.01
"""The share of answered questions that may have contradictory answers."""
_TYPE_NAMES = {
    "string": "string",
    "int64": "int",
    "double": "float",
    "bool": "bool",
    "timestamp[us, tz=UTC]": "timestamp",
}
_REASONS = {
    **{f"label_{state}": words for state, words in LABEL_STATES.items()},
    **{f"negative_label_{state}": f"negative: {words}" for state, words in LABEL_STATES.items()},
    "label_missing": "without a label",
    **EXCLUSIONS,
    "not_settled": "not settled yet",
    "purged": "purged between periods",
}


def _states(rows: pa.Table, states: Sequence[str]) -> dict[str, int]:
    """Return how many rows have which state of their label, but for labels that are known."""
    counts = {item["values"]: item["counts"] for item in pc.value_counts(rows[LABEL_STATE]).to_pylist()}
    return {f"label_{state}": counts.get(state, 0) for state in states if state != CONTRADICTORY or state in counts}


def _contradicted(rows: pa.Table, keys: Sequence[str]) -> str:
    """Return the key of the first question with contradictory answers; an empty text where there is none."""
    contradicted = rows.filter(pc.equal(rows[LABEL_STATE], CONTRADICTORY)).slice(0, 1).select(list(keys))
    return ", ".join(f"{name} {value!r}" for row in contradicted.to_pylist() for name, value in row.items())


def excluded_texts(counts: Mapping[str, int]) -> list[str]:
    """Return in words how many rows were left out, or taken for negative, for each reason that there was.

    >>> excluded_texts({"label_missing": 1592, "not_settled": 0, "purged": 3019})
    ['1,592 without a label', '3,019 purged between periods']
    """
    return [f"{count:,} {_REASONS[reason]}" for reason, count in counts.items() if count]


def _lost(counts: Mapping[str, int]) -> str:
    return ", ".join(excluded_texts(counts))

"""The id of an artifact, worked out anew from what it holds, for each kind whose id says all that it holds.

So a manifest that was changed with its own hash made anew is found, whatever else remembers it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ml_platform.core.hashing import content_id, frame_id
from ml_platform.datasets.snapshot.id import snapshot_id
from ml_platform.features.build import own_columns, table_id
from ml_platform.features.tiles import KNOWN_UNTIL
from ml_platform.models.predictor import load_predictor, trained_id
from ml_platform.operations.monitoring.reference import HISTOGRAMS, SERIES, reference_id
from ml_platform.project import Project
from ml_platform.registry.evaluation.key import evaluation_id
from ml_platform.sources.empty_log import empty_log_id
from ml_platform.sources.log_writer import log_id
from ml_platform.sources.source_log import CHUNK
from ml_platform.storage.manifest import Artifact, StoredObject
from ml_platform.storage.parquet import read_parquet
from ml_platform.storage.prediction_log import segment_names


@dataclass(frozen=True)
class Mismatch:
    """Something that an artifact holds, or that it is called by, and that is not what it says."""

    what: str
    expected: str
    found: str


def mismatches(project: Project, artifact: Artifact) -> list[Mismatch]:
    """Return what in an artifact is not as its id says; nothing for a kind whose id does not tell.

    Raises
    ------
    PlatformError
        Where something that it holds cannot be read.
    """
    check = _KINDS.get(artifact.kind)
    return [] if check is None else [item for item in check(project, artifact) if item.expected != item.found]


def _source(project: Project, artifact: Artifact) -> list[Mismatch]:
    about = artifact.about
    parts = [(item, _rows(project, artifact.objects[item["name"]])) for item in (*about["chunks"], *about["replaced"])]
    found = [Mismatch(f"rows of {item['name']}", item["id"], frame_id(rows)) for item, rows in parts]
    found += [Mismatch(f"rows of {item['name']}", str(item["rows"]), str(rows.num_rows)) for item, rows in parts]
    ids = [[item["id"] for item in about[name]] for name in ("chunks", "replaced")]
    id = log_id(about["source"], *ids) if about["rows"] else empty_log_id(about["source"], about["columns"])
    return [*found, Mismatch("its id", artifact.id, id)]


def _feature_table(project: Project, artifact: Artifact) -> list[Mismatch]:
    about, found = artifact.about, list[Mismatch]()
    if "declared" not in about:
        return []  # of an older version, which did not keep what its id is made of
    for chunk in about["chunks"]:
        for name, columns in chunk["objects"].items():
            cells = _rows(project, artifact.objects[name])
            base = cells.column_names[: cells.column_names.index(KNOWN_UNTIL) + 1]
            base = base[base.index(CHUNK) :]
            for column in columns:
                id = frame_id(cells.select(own_columns(column, base)))
                found.append(Mismatch(f"{column} of {chunk['name']}", chunk["ids"][column], id))
    ids = [[chunk["name"], chunk["ids"]] for chunk in about["chunks"]]
    return [*found, Mismatch("its id", artifact.id, table_id(about["table"], about["declared"], ids))]


def _snapshot(project: Project, artifact: Artifact) -> list[Mismatch]:
    days = sorted(artifact.objects)
    chunks = [(day, frame_id(_rows(project, artifact.objects[day]))) for day in days]
    return [Mismatch("its id", artifact.id, snapshot_id(artifact.about, chunks))]


def _predictions(project: Project, artifact: Artifact) -> list[Mismatch]:
    segments: Sequence[Mapping[str, Any]] = artifact.about["segments"]
    found = [Mismatch("its id", artifact.id, content_id(artifact.about))]
    for name, segment in zip(segment_names(artifact), segments, strict=True):
        rows = _rows(project, artifact.objects[name])
        found.append(Mismatch(f"rows of {name}", segment["id"], frame_id(rows)))
        found.append(Mismatch(f"the number of rows of {name}", str(segment["rows"]), str(rows.num_rows)))
    total = sum(segment["rows"] for segment in segments)
    return [*found, Mismatch("the number of its rows", str(artifact.about["rows"]), str(total))]


def _trained_model(project: Project, artifact: Artifact) -> list[Mismatch]:
    for name in artifact.about["predictors"]:
        load_predictor(project, artifact, name)  # which checks all of it
    return [Mismatch("its id", artifact.id, trained_id(artifact.about["model"], artifact.about["predictors"]))]


def _evaluation(project: Project, artifact: Artifact) -> list[Mismatch]:
    return [Mismatch("its id", artifact.id, evaluation_id(artifact.about, artifact.inputs))]


def _monitoring(project: Project, artifact: Artifact) -> list[Mismatch]:
    return [Mismatch("its id", artifact.id, content_id(artifact.about))]


def _of_input(project: Project, artifact: Artifact) -> list[Mismatch]:
    (input_id,) = artifact.inputs.values()
    return [Mismatch("its id", artifact.id, content_id([input_id, artifact.about]))]


def _drift_reference(project: Project, artifact: Artifact) -> list[Mismatch]:
    hashes = {name: artifact.objects[name].sha256 for name in (HISTOGRAMS, SERIES)}
    return [Mismatch("its id", artifact.id, reference_id(artifact.about, hashes, artifact.inputs["trained_model"]))]


def _rows(project: Project, stored: StoredObject) -> pa.Table:
    return read_parquet(project.store, stored)


_KINDS: Mapping[str, Callable[[Project, Artifact], list[Mismatch]]] = {
    "source": _source,
    "feature_table": _feature_table,
    "snapshot": _snapshot,
    "predictions": _predictions,
    "trained_model": _trained_model,
    "evaluation": _evaluation,
    "monitoring": _monitoring,
    "checks": _of_input,
    "profile": _of_input,
    "drift_reference": _drift_reference,
}

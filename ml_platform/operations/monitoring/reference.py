"""The reference of a champion: the rows that it was trained and evaluated on, summarized once.

Features: the last 91 days with rows of its snapshot, train, validate and test; they end
before it was deployed, so no row is in the reference and in the current window. Scores:
the validate and test rows, since scores of rows that a model was fitted on are not those
that it gives in production. Kept are the daily figures that later windows are compared
with, a histogram of each column and a small sample for the report that people read.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ml_platform.core.hashing import cache_key, canonical_json
from ml_platform.core.statistics.histograms import Histogram
from ml_platform.datasets.snapshot.boundaries import PARTS
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.declarations.joins import joins_of
from ml_platform.declarations.resolve import expand_features
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.predictor import Predictor, load_predictor
from ml_platform.operations.monitoring.column_scale import Scale, Series
from ml_platform.operations.monitoring.daily_series import Daily
from ml_platform.operations.monitoring.drift import summarize_reference
from ml_platform.operations.monitoring.drift_result import DriftReference
from ml_platform.operations.monitoring.report import MAX_ROWS
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.drift_reference import HISTOGRAMS, SERIES, DriftReferenceManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.parquet import parquet_bytes, read_parquet

KIND = "drift_reference"
_CODE = "drift_reference-5"
_SEED = 0
_SAMPLE = "sample.parquet"


@dataclass(frozen=True)
class Reference:
    """What the columns of a champion were like on its snapshot.

    Attributes
    ----------
    sample
        At most 2,000 rows of all columns; a row's scores and features are not those of one row.
    """

    drift: DriftReference
    sample: pd.DataFrame


def reference_of(project: Project, trained: Artifact) -> Reference:
    """Return the reference of a trained model; it is summarized once and read afterwards.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
        When the trained model or its snapshot cannot be read.
    """
    key = cache_key(KIND, {}, _CODE, {"trained_model": trained.id})
    return _read(project, project.store.find(KIND, key) or _make(project, trained, key))


def watched_columns(project: Project, model_name: str, predictor: Predictor) -> list[str]:
    """Return the input columns whose drift is followed: features, and what payoffs read.

    Left out are instants, which always grow, and columns of the population that only transforms may read: keys
    of rows are among them.
    """
    spec, model = project.spec, project.spec.models[model_name]
    followed = {*expand_features(spec, model), *predictor.decision.columns}
    tables = {joined.alias for joined in joins_of(spec, model)}
    return [
        column.name
        for column in predictor.inputs
        if column.type != "timestamp" and (column.name in followed or column.name.partition(".")[0] in tables)
    ]


def entity_keys(project: Project, model_name: str, predictor: Predictor) -> dict[str, tuple[str, ...]]:
    """Return for each watched column the columns that name its entity; none where the rows do not have them."""
    spec, model = project.spec, project.spec.models[model_name]
    read = {column.name for column in predictor.inputs}
    of_table = {joined.alias: tuple(joined.keys.values()) for joined in joins_of(spec, model)}
    of_population = tuple(spec.file.entities[model.population.entity])
    by_column = {}
    for column in watched_columns(project, model_name, predictor):
        owner = column.partition(".")[0]
        keys = of_table.get(owner, of_population)
        by_column[column] = keys if owner not in of_table or read.issuperset(keys) else ()
    return by_column


def _make(project: Project, trained: Artifact, key: str) -> Artifact:
    model = project.spec.models[TrainedModelManifest.of(trained).model]
    predictor = load_predictor(project, trained)
    snapshot = load_snapshot(project, trained.inputs["snapshot"])
    parts = {part: snapshot.part(part) for part in PARTS}
    rows = pd.concat(list(parts.values()), ignore_index=True)
    unfitted = pd.concat([parts["validate"], parts["test"]], ignore_index=True)
    keys = entity_keys(project, model.name, predictor)
    features = read_columns(rows, predictor.inputs)
    key_columns = [name for names in keys.values() for name in names if name not in features.columns]
    features = features.join(rows[list(dict.fromkeys(key_columns))])
    predicted = predictor.predict(unfitted)
    scores = predicted[[name for name in predicted.columns if name.partition(".")[0] == "score"]]
    drift = summarize_reference((features, rows["effective_time"]), (scores, unfitted["effective_time"]), keys)
    objects = {
        HISTOGRAMS: project.store.put(
            canonical_json({name: histogram.as_json() for name, histogram in drift.histograms.items()})
        ),
        SERIES: project.store.put(gzip.compress(canonical_json(_series_json(drift)), mtime=0)),
        _SAMPLE: project.store.put(parquet_bytes(_sample(features[list(keys)], scores))),
    }
    manifest = DriftReferenceManifest(
        rows=len(features),
        score_rows=len(scores),
        scores=tuple(drift.scores),
        growing={name: tuple(keys) for name, keys in drift.growing.items()},
        batches_a_day=drift.batches_a_day,
    )
    return project.store.add(manifest, key, objects=objects, inputs={"trained_model": trained.id})


def _series_json(drift: DriftReference) -> dict[str, Any]:
    return {
        "scales": {name: asdict(scale) for name, scale in drift.scales.items()},
        "daily": [
            {
                "numbers": daily.numbers.tolist(),
                "weekdays": None if daily.weekdays is None else daily.weekdays.tolist(),
                "series": [[series.column, series.kind, series.value] for series in daily.series],
                "means": np.where(np.isnan(daily.means), None, daily.means).tolist(),  # type: ignore[call-overload]
                "rows": daily.rows.astype(np.int64).tolist(),
            }
            for daily in drift.daily
        ],
    }


def _daily(fields: Mapping[str, Any]) -> Daily:
    series = tuple(Series(*item) for item in fields["series"])
    shape = (len(fields["numbers"]), len(series))
    means = np.array(fields["means"], dtype="float64").reshape(shape)
    rows = np.array(fields["rows"], dtype="float64").reshape(shape)
    weekdays = fields["weekdays"]
    shares = None if weekdays is None else np.array(weekdays, dtype="float64").reshape(len(fields["numbers"]), 7)
    return Daily(np.array(fields["numbers"], dtype=np.int64), series, means, rows, shares)


def _scale(fields: Mapping[str, Any]) -> Scale:
    sequences = ("knots", "below", "upto", "categories")
    values: dict[str, Any] = {n: tuple(value) if n in sequences else value for n, value in fields.items()}
    return Scale(**values)


def _sample(features: pd.DataFrame, scores: pd.DataFrame) -> pa.Table:
    rows = min(MAX_ROWS, len(features), len(scores))
    parts = [part.sample(n=rows, random_state=_SEED).reset_index(drop=True) for part in (features, scores)]
    return pa.Table.from_pandas(pd.concat(parts, axis=1), preserve_index=False)


def _read(project: Project, artifact: Artifact) -> Reference:
    figures = json.loads(project.store.read(artifact.objects[HISTOGRAMS]))
    series = json.loads(gzip.decompress(project.store.read(artifact.objects[SERIES])))
    sample = read_parquet(project.store, artifact.objects[_SAMPLE]).to_pandas()
    drift = DriftReference(
        scales={name: _scale(fields) for name, fields in series["scales"].items()},
        histograms={name: Histogram.from_json(fields) for name, fields in figures.items()},
        daily=tuple(_daily(fields) for fields in series["daily"]),
        scores=tuple(DriftReferenceManifest.of(artifact).scores),
        growing={name: tuple(keys) for name, keys in DriftReferenceManifest.of(artifact).growing.items()},
        batches_a_day=DriftReferenceManifest.of(artifact).batches_a_day,
    )
    return Reference(drift, sample)

"""The reference of a champion: its own training rows and its scores on rows that it was not fitted on, summarised once.

Kept are a histogram of each column, which any later window is compared with, and a
small sample for the report that people read.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ml_platform.identity import cache_key, canonical_json, content_id
from ml_platform.monitoring.drift import summarise, usual_psi
from ml_platform.monitoring.histograms import Histogram
from ml_platform.monitoring.report import MAX_ROWS
from ml_platform.predictor import Predictor, load_predictor
from ml_platform.project import Project
from ml_platform.snapshot.read import load_snapshot
from ml_platform.spec.joins import joins_of
from ml_platform.spec.resolve import expand_features
from ml_platform.store.manifest import Artifact
from ml_platform.training.columns import read_columns

KIND = "drift_reference"
_CODE = "drift_reference-1"
_SEED = 0


@dataclass(frozen=True)
class Reference:
    """What the columns of a champion looked like when it was made.

    Attributes
    ----------
    histograms
        By column: input columns over the train stretch, scores over the validate and test stretches.
    scores
        Which of the columns are scores.
    usual
        For each column the largest drift of any window of monitoring's length within the reference.
    sample
        At most 2,000 rows of all columns; a row's scores and features are not those of one row.
    """

    histograms: Mapping[str, Histogram]
    scores: tuple[str, ...]
    usual: Mapping[str, float]
    sample: pd.DataFrame


def reference_of(project: Project, trained: Artifact) -> Reference:
    """Return the reference of a trained model; it is made once and read afterwards.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
        When the trained model or its snapshot cannot be read.
    """
    settings = project.spec.models[trained.about["model"]].monitoring
    decides = {"window": settings.window, "min_rows": settings.min_rows}
    key = cache_key(KIND, decides, _CODE, {"trained_model": trained.id})
    return _read(project, project.store.find(KIND, key) or _make(project, trained, key))


def watched_columns(project: Project, model_name: str, predictor: Predictor) -> list[str]:
    """Return the input columns whose drift is followed: features, and what payoffs read.

    Left out are instants, which never stand still, and columns of the population that only transforms may read: keys
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


def _make(project: Project, trained: Artifact, key: str) -> Artifact:
    model = project.spec.models[trained.about["model"]]
    predictor = load_predictor(project, trained)
    snapshot = load_snapshot(project, trained.inputs["snapshot"])
    train = snapshot.part("train")
    unfitted = pd.concat([snapshot.part("validate"), snapshot.part("test")], ignore_index=True)
    features = read_columns(train, predictor.inputs)[watched_columns(project, model.name, predictor)]
    predicted = predictor.predict(unfitted)
    scores = predicted[[name for name in predicted.columns if name.partition(".")[0] == "score"]]
    parts = ((features, train["effective_time"]), (scores, unfitted["effective_time"]))
    histograms = {name: figure for part, _ in parts for name, figure in summarise(part, list(part.columns)).items()}
    usual = {
        name: usual_psi(part[name], times, histograms[name], model.monitoring.window, model.monitoring.min_rows)
        for part, times in parts
        for name in part.columns
    }
    figures = canonical_json({name: histogram.as_json() for name, histogram in histograms.items()})
    objects = {
        "histograms.json": project.store.put(figures),
        "sample.parquet": project.store.put(_parquet(_sample(features, scores))),
    }
    about = {"rows": len(features), "score_rows": len(scores), "scores": list(scores.columns), "usual": usual}
    id = content_id({**about, "histograms": objects["histograms.json"].sha256, "trained_model": trained.id})
    return project.store.write(KIND, id, key, objects=objects, about=about, inputs={"trained_model": trained.id})


def _sample(features: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    rows = min(MAX_ROWS, len(features), len(scores))
    parts = [part.sample(n=rows, random_state=_SEED).reset_index(drop=True) for part in (features, scores)]
    return pd.concat(parts, axis=1)


def _parquet(frame: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink, write_page_checksum=True)
    return sink.getvalue()


def _read(project: Project, artifact: Artifact) -> Reference:
    figures = json.loads(project.store.read(artifact.objects["histograms.json"]))
    sample = pq.read_table(io.BytesIO(project.store.read(artifact.objects["sample.parquet"]))).to_pandas()
    histograms = {name: Histogram.from_json(fields) for name, fields in figures.items()}
    return Reference(histograms, tuple(artifact.about["scores"]), artifact.about["usual"], sample)

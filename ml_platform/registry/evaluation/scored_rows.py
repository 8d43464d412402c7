"""The test rows of a version with what it would have done on each, and what that would have earned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.models.predictor import load_predictor
from ml_platform.registry.evaluation.candidates import EvaluationRows
from ml_platform.storage.versions import Version

if TYPE_CHECKING:
    from ml_platform.project import Project


def scored_rows(project: Project, version: Version) -> pd.DataFrame:
    """Return the test rows of the snapshot that a version was first trained on, scored by it.

    Returns
    -------
    pandas.DataFrame
        The model's frame with ``label``, then the version's ``score``, ``action`` and ``expected_value``, then
        ``value`` and ``do_nothing``: what acting on the prediction and doing nothing earned, by the payoffs as they are
        declared now.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged, PredictionError
    """
    trained = project.store.get("trained_model", version.id)
    frame = load_snapshot(project, trained.inputs["snapshot"], ("test",)).part("test")
    rows = EvaluationRows.read(project.spec, project.spec.models[version.model], frame)
    predictor = load_predictor(project, trained)
    predicted = rows.predict(predictor)
    taken = predicted["action" if predictor.classes else "score"].to_numpy()
    value = rows.decision.value(rows.frame, rows.label, taken)
    nothing = rows.decision.value(rows.frame, rows.label, rows.decision.nothing(rows.frame))
    return pd.concat([rows.frame, predicted.assign(value=value, do_nothing=nothing)], axis=1)

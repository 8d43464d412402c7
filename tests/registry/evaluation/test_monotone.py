"""Declared directions are probed on the whole predictor: constraints that are not kept, and calibrations that fall."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import ReleaseRefused
from ml_platform.declarations.gates import evaluated_gates
from ml_platform.models.algorithms import lightgbm
from ml_platform.models.bundled_code import Code
from ml_platform.models.calibration import Calibration
from ml_platform.models.calibrators.sigmoid import Sigmoid
from ml_platform.models.predictor import Predictor
from ml_platform.models.train import fit_predictors
from ml_platform.project import Project, open_project
from ml_platform.registry.evaluation.monotone import directions_of, monotone_figures
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.trained_model import Choice
from tests.models.rows import shop_project, snapshot
from tests.models.test_from_sources import make_champion
from tests.worlds import LATE_PARCEL, write_shop

pytestmark = pytest.mark.slow

UP = "courier_recent.mean_late_7d"
MONOTONE = f"monotone: {{{UP}: increasing, orders.items: increasing, orders.amount: decreasing}}"


def declared(text: str = LATE_PARCEL, monotone: str = MONOTONE) -> str:
    return text.replace("num_iterations: 60}}", f"num_iterations: 60}}, {monotone}}}")


def fitted(tmp_path: Path, monotone: str) -> tuple[Project, Predictor]:
    project = shop_project(tmp_path, models__late_parcel=declared(monotone=monotone))
    model = project.spec.models["late_parcel"]
    predictors = fit_predictors(project.spec, model, Code({}, project.root, project.root), snapshot()).predictors
    return project, predictors["predictor"]


def by_loop(predictor: Predictor, frame: pd.DataFrame, column: str, sign: int) -> int:
    """Count rows whose score moves against a direction, one row and one value at a time."""
    values = sorted(set(np.quantile(frame[column].dropna(), np.linspace(0, 1, 25), method="nearest")))
    broken = 0
    for place in range(len(frame)):
        scores = []
        for value in values:
            row = frame.iloc[[place]].copy()
            row[column] = [value]
            scores.append(float(predictor.predict(row)["score"].iloc[0]))
        broken += any(sign * (later - earlier) < -1e-12 for earlier, later in pairwise(scores))
    return broken


def test_a_constraint_that_is_kept_has_no_violation_and_one_that_is_not_is_counted(tmp_path: Path) -> None:
    project, kept = fitted(tmp_path / "kept", MONOTONE)
    _, free = fitted(tmp_path / "free", "seed: 0")
    model, rows = project.spec.models["late_parcel"], snapshot().part("test").head(40)
    assert monotone_figures(model, None, kept, rows) == {"monotone_violations": 0}
    expected = sum(
        by_loop(free, rows, column, sign) for column, sign in ((UP, 1), ("orders.items", 1), ("orders.amount", -1))
    )
    assert monotone_figures(model, None, free, rows) == {"monotone_violations": expected}
    assert expected > 10


def test_a_calibration_that_falls_turns_the_direction(tmp_path: Path) -> None:
    project, kept = fitted(tmp_path, MONOTONE)
    model, rows = project.spec.models["late_parcel"], snapshot().part("test").head(40)
    turned = replace(kept, calibration=Calibration((Sigmoid(-1.0, 0.0),)))
    assert monotone_figures(model, None, turned, rows)["monotone_violations"] > 40


def test_a_model_without_directions_has_no_figure_and_no_gate(tmp_path: Path) -> None:
    project, free = fitted(tmp_path, "seed: 0")
    model = project.spec.models["late_parcel"]
    assert monotone_figures(model, None, free, snapshot().part("test")) == {}
    assert set(evaluated_gates(model)) == {"auc"}


def chosen(name: str) -> Choice:
    return Choice(rungs=(), margin=0.0, rows=1, chosen=name, algorithm="lightgbm")


def test_a_chosen_baseline_is_probed_by_its_directions(tmp_path: Path) -> None:
    baseline = "baselines:\n  - {name: lightgbm, params: {num_iterations: 5}, monotone: {orders.items: increasing}}\n"
    text = LATE_PARCEL.replace("baselines:\n", baseline) + "choose: simplest\n"
    model = shop_project(tmp_path, models__late_parcel=text).spec.models["late_parcel"]
    assert directions_of(model, chosen("lightgbm")) == {"orders.items": "increasing"}
    assert directions_of(model, chosen("lightgbm_declared")) == {}
    assert "monotone_violations" in evaluated_gates(model)


def shop(directory: Path) -> Project:
    (write_shop(directory) / "models/late_parcel.yaml").write_text(declared())
    return open_project(directory)


def test_a_version_whose_library_does_not_keep_its_constraints_is_not_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = lightgbm._params

    def forgetful(fitting: Any) -> dict[str, Any]:
        return {name: value for name, value in real(fitting).items() if not name.startswith("monotone")}

    monkeypatch.setattr(lightgbm, "_params", forgetful)
    with pytest.raises(ReleaseRefused, match=r"monotone violations \d+, required: at most 0"):
        make_champion(shop(tmp_path / "forgetful"), "late_parcel")
    monkeypatch.setattr(lightgbm, "_params", real)
    project = shop(tmp_path / "kept")
    made = make_champion(project, "late_parcel")
    about = EvaluationManifest.of(project.store.get("evaluation", made["evaluation"]))
    assert about.figures["monotone_violations"] == 0
    assert {gate.name: gate.passed for gate in about.gates} == {"auc": True, "monotone_violations": True}

"""What is judged on the test period learned nothing from it; where a fault lets it, the same check fails.

Two snapshots have the same rows, but for the labels of the test period. What is fitted on both must be the same: the
estimators, the calibration, which algorithm was chosen, and above which score a row gets an action. Then faults are
planted that teach each of these from test rows, and the check catches them. Other planted faults: a constraint that is
not kept (`tests/registry/evaluation/test_monotone.py`), a slower predictor (`tests/registry/test_measured_gates.py`), a
refit that judges itself (`tests/registry/test_refit.py`), a search that sees test rows
(`tests/models/tuning/test_tune.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.models import train
from ml_platform.models.calibration import Calibration
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.predictor import Predictor, load_predictor
from ml_platform.models.train import Fitted, train_model
from ml_platform.project import Project
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from tests.models.rows import HandMadeSnapshot, keep_snapshots, shop_project, shop_rows, snapshot
from tests.worlds import LATE_PARCEL

DECLARED = {
    "plain": "",
    "sigmoid": "calibration: sigmoid\n",
    "isotonic": "calibration: isotonic\n",
    "venn_abers": "calibration: venn_abers\n",
    "chosen calibration": "calibration: choose\n",
    "chosen algorithm": "choose: simplest\n",
    "early stopping": "",
}


@pytest.fixture(autouse=True)
def snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    made = snapshot()
    test = made.part("test").assign(label=~made.part("test")["label"])
    keep_snapshots(monkeypatch, {"s": made, "turned": HandMadeSnapshot({**made.parts, "test": test})})


def declared(directory: Path, case: str) -> Project:
    text = LATE_PARCEL + DECLARED[case]
    if case == "early stopping":
        text = text.replace("num_iterations: 60", "num_iterations: 200, early_stopping_round: 5")
    return shop_project(directory, models__late_parcel=text)


def answers(project: Project, snapshot_id: str) -> tuple[str, pd.DataFrame]:
    """What was fitted on a snapshot, and what it answers for rows of no snapshot."""
    trained = train_model(project, "late_parcel", snapshot_id).artifact
    return trained.id, load_predictor(project, trained).predict(shop_rows(400, seed=9))


def require_blind(directory: Path, case: str) -> None:
    """Fail where the labels of the test period change what is fitted, or what it answers."""
    (one, first), (other, second) = (
        answers(declared(directory / snapshot_id, case), snapshot_id) for snapshot_id in ("s", "turned")
    )
    assert (first["action"] == second["action"]).all(), "an action depends on labels of the test period"
    assert (first["score"] == second["score"]).all(), "a score depends on labels of the test period"
    assert one == other, "what is fitted depends on labels of the test period"


@pytest.mark.parametrize("case", DECLARED)
def test_labels_of_the_test_period_change_nothing_that_is_fitted(tmp_path: Path, case: str) -> None:
    require_blind(tmp_path, case)


def test_labels_of_the_test_period_change_what_the_evaluation_shows(tmp_path: Path) -> None:
    auc = {}
    for snapshot_id in ("s", "turned"):
        project = declared(tmp_path / snapshot_id, "plain")
        trained = train_model(project, "late_parcel", snapshot_id).artifact
        judged = evaluate_model(project, "late_parcel", trained.id, snapshot_id, None).artifact
        auc[snapshot_id] = EvaluationManifest.of(judged).figures["auc"]
    assert auc["turned"] == pytest.approx(1 - auc["s"])


def plant(patch: pytest.MonkeyPatch, fault: Callable[[Predictor, pd.DataFrame], Predictor]) -> None:
    """Let a fit end with a fault that sees the rows of the test period."""
    fit = train.fit_predictors

    def faulty(spec: Any, model: Any, code: Any, made: Any) -> Fitted:
        fitted = fit(spec, model, code, made)
        predictor = fault(fitted.predictors["predictor"], made.part("test"))
        return replace(fitted, predictors={**fitted.predictors, "predictor": predictor})

    patch.setattr("ml_platform.models.train.fit_predictors", faulty)


def with_best_threshold(predictor: Predictor, test: pd.DataFrame) -> Predictor:
    """The planted fault: rows are upgraded above the score that would have earned most on the test period."""
    scores, payoff = predictor.predict(test)["score"].to_numpy(), -4 + 9 * test["label"].to_numpy()
    limits = np.quantile(scores, np.linspace(0, 1, 21))
    best = max(limits, key=lambda limit: payoff[scores >= limit].sum())
    actions = {"upgrade": f"{-9 * best} + label * 9", "wait": "0"}
    return replace(predictor, decision=replace(predictor.decision, actions=actions))


def with_test_calibration(predictor: Predictor, test: pd.DataFrame) -> Predictor:
    """The planted fault: the curve is fitted on the rows that judge it."""
    scores = predictor.scores(read_columns(test, predictor.inputs))
    curve = Calibration.fit("isotonic", scores, test["label"].to_numpy("float64"))
    return replace(predictor, calibration=curve)


def test_a_threshold_that_is_fitted_on_the_test_period_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, with_best_threshold)
    with pytest.raises(AssertionError, match="an action depends on labels of the test period"):
        require_blind(tmp_path, "plain")


def test_a_calibration_that_leaks_the_test_period_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, with_test_calibration)
    with pytest.raises(AssertionError, match="depends on labels of the test period"):
        require_blind(tmp_path, "plain")


def test_an_algorithm_that_is_chosen_on_the_test_period_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: the ladder is climbed on the rows that judge the model."""
    fit = train.fit_predictors

    def faulty(spec: Any, model: Any, code: Any, made: Any) -> Fitted:
        swapped: Any = HandMadeSnapshot({**made.parts, "validate": made.part("test")})
        return fit(spec, model, code, swapped)

    monkeypatch.setattr("ml_platform.models.train.fit_predictors", faulty)
    with pytest.raises(AssertionError, match="depends on labels of the test period"):
        require_blind(tmp_path, "chosen algorithm")

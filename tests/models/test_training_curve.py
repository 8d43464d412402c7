"""Training curves equal what the libraries themselves report while they fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import train_model
from ml_platform.models.training_curve import TrainingCurve, training_curve
from ml_platform.project import Project, open_project
from ml_platform.storage.manifest import Artifact
from tests.audit.explain.shop_with_history import Lived, inputs
from tests.worlds import LATE_PARCEL, LATENESS, NOW, write_shop

LIGHTGBM = "{name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}"
ROUNDS = 30
ALGORITHMS = {
    "lightgbm": f"{{name: lightgbm, params: {{num_leaves: 7, learning_rate: 0.1, num_iterations: {ROUNDS}}}}}",
    "quantile": (
        f"{{name: lightgbm, params: {{objective: quantile, alpha: 0.7, num_leaves: 7, learning_rate: 0.1, "
        f"num_iterations: {ROUNDS}}}}}"
    ),
    "xgboost": f"{{name: xgboost, params: {{max_depth: 3, n_estimators: {ROUNDS}}}}}",
    "catboost": f"{{name: catboost, params: {{depth: 3, iterations: {ROUNDS}}}}}",
    "logistic_regression": "logistic_regression",
    "ridge": "ridge",
}


def trained(folder: Path, model: str, algorithm: str) -> tuple[Project, Artifact]:
    """Return a model of the shop that was trained by an algorithm, without baselines or calibration."""
    write_shop(folder, days=60, orders_a_day=25)
    text = {"late_parcel": LATE_PARCEL, "lateness": LATENESS}[model]
    (folder / f"models/{model}.yaml").write_text(text.replace(LIGHTGBM, ALGORITHMS[algorithm]))
    project = open_project(folder)
    snapshot = build_snapshot(project, model, inputs(Lived(project, [], NOW), NOW), NOW).artifact.id
    return project, train_model(project, model, snapshot).artifact


def parts(project: Project, artifact: Artifact) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return matrix and label of the periods, for the libraries."""
    snapshot, predictor = load_snapshot(project, artifact.inputs["snapshot"]), load_predictor(project, artifact)
    matrices = {}
    for name in ("train", "validate"):
        frame = snapshot.part(name)
        matrices[name] = (
            predictor.encode(read_columns(frame, predictor.inputs)).values,
            frame["label"].to_numpy(dtype=float),
        )
    return matrices


def curve_of(project: Project, artifact: Artifact) -> TrainingCurve:
    curve = training_curve(project, artifact)
    assert curve is not None
    assert curve.rounds == tuple(range(1, ROUNDS + 1))
    return curve


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "objective", "metric", "loss"),
    [
        ("late_parcel", "binary", "binary_logloss", "log_loss"),
        ("lateness", "regression", "rmse", "rmse"),
        ("lateness", "quantile", "quantile", "pinball_loss"),
    ],
)
def test_lightgbm_s_curve_is_what_it_records_itself(
    tmp_path: Path, model: str, objective: str, metric: str, loss: str
) -> None:
    import lightgbm

    project, artifact = trained(tmp_path, model, objective if objective in ALGORITHMS else "lightgbm")
    rows = parts(project, artifact)
    recorded: dict[str, dict[str, list[float]]] = {}
    params = {
        "objective": objective,
        "alpha": 0.7,
        "metric": metric,
        "num_leaves": 7,
        "learning_rate": 0.1,
        "verbosity": -1,
    }
    exact = {"deterministic": True, "force_col_wise": True, "num_threads": 1, "seed": 0}
    train = lightgbm.Dataset(*rows["train"])
    sets = [train, lightgbm.Dataset(*rows["validate"], reference=train)]
    callbacks = [lightgbm.record_evaluation(recorded)]
    lightgbm.train(params | exact, train, ROUNDS, sets, ["train", "validate"], callbacks=callbacks)
    curve = curve_of(project, artifact)
    assert curve.loss == loss
    for part, losses in curve.losses.items():
        np.testing.assert_allclose(np.array(losses), recorded[part][metric], rtol=1e-6)  # its labels have 32 bits
    assert curve.losses["train"][-1] < curve.losses["train"][0]


@pytest.mark.slow
def test_xgboost_s_curve_is_what_it_records_itself(tmp_path: Path) -> None:
    import xgboost

    project, artifact = trained(tmp_path, "late_parcel", "xgboost")
    rows = parts(project, artifact)
    recorded: dict[str, dict[str, list[float]]] = {}
    sets = {name: xgboost.DMatrix(values, label) for name, (values, label) in rows.items()}
    params = {"objective": "binary:logistic", "max_depth": 3, "tree_method": "hist", "seed": 0, "nthread": 1}
    evals = [(matrix, name) for name, matrix in sets.items()]
    xgboost.train(params, sets["train"], ROUNDS, evals=evals, evals_result=recorded, verbose_eval=False)
    for part, losses in curve_of(project, artifact).losses.items():
        np.testing.assert_allclose(np.array(losses), recorded[part]["logloss"], rtol=1e-5)  # its numbers have 32 bits


@pytest.mark.slow
def test_catboost_s_curve_is_what_it_computes_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import catboost

    monkeypatch.chdir(tmp_path)  # it writes a folder where it is asked for metrics

    project, artifact = trained(tmp_path, "late_parcel", "catboost")
    fitted: Any = load_predictor(project, artifact).estimator
    for part, losses in curve_of(project, artifact).losses.items():
        values, label = parts(project, artifact)[part]
        pool = catboost.Pool(values.astype("float32"), label)
        direct = catboost.CatBoostClassifier(
            depth=3, iterations=ROUNDS, random_seed=0, thread_count=1, logging_level="Silent", allow_writing_files=False
        )
        direct.load_model(blob=fitted.content)
        np.testing.assert_allclose(np.array(losses), direct.eval_metrics(pool, "Logloss")["Logloss"], rtol=1e-6)


@pytest.mark.slow
def test_a_model_without_rounds_has_no_curve(tmp_path: Path) -> None:
    assert training_curve(*trained(tmp_path, "late_parcel", "logistic_regression")) is None


def test_many_rounds_are_spread_from_the_first_to_the_last() -> None:
    from ml_platform.models.training_curve import POINTS, _spread

    rounds = _spread(1000)
    assert (rounds[0], rounds[-1], len(rounds)) == (1, 1000, POINTS)
    assert _spread(3) == (1, 2, 3)

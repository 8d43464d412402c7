"""A refit: what was chosen is fitted again on more rows and deployed, and judged by nothing that it was fitted on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.isotonic import IsotonicRegression

from ml_platform.core.errors import DeclarationError, TrainingError
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.checks.refit import check_refit
from ml_platform.models.algorithms.lightgbm import LightGBM
from ml_platform.models.predictor import load_deployed, load_predictor
from ml_platform.models.train import train_model
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact
from tests.models.rows import SEGMENTS, HandMadeSnapshot, keep_snapshots, shop_project, shop_rows, snapshot
from tests.worlds import LATE_PARCEL, LATENESS

pytestmark = pytest.mark.slow

LIGHTGBM = "algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}"
HISTOGRAM = "algorithm: {name: hist_gradient_boosting, params: {max_iter: 20}, seed: 3}"
NUMBERS = [
    "courier_recent.parcels_1d",
    "courier_recent.parcels_7d",
    "courier_recent.mean_late_1d",
    "courier_recent.mean_late_7d",
    "courier_recent.late_share_7d",
    "courier_recent.last_late_7d",
    "orders.amount",
    "orders.items",
]
PERIODS = {"train+validate": ("train", "validate"), "all": ("train", "validate", "test")}


def project_of(directory: Path, algorithm: str, more: str, model: str = "late_parcel") -> Project:
    text = {"late_parcel": LATE_PARCEL, "lateness": LATENESS}[model].replace(LIGHTGBM, algorithm)
    return shop_project(directory, **{f"models__{model}": f"{text}{more}\n"})


def trained_on(project: Project, model: str = "late_parcel", snapshot_id: str = "s") -> Artifact:
    return train_model(project, model, snapshot_id).artifact


def rows_of(made: Any, periods: tuple[str, ...], names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    frame = pd.concat([made.part(name) for name in periods])
    return frame[names].to_numpy("float64"), frame["label"].to_numpy("float64")


@pytest.mark.parametrize("on", sorted(PERIODS))
def test_a_refit_is_a_fit_of_scikit_learn_on_the_same_rows_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on: str
) -> None:
    made = snapshot()
    keep_snapshots(monkeypatch, {"s": made})
    project = project_of(tmp_path, HISTOGRAM, f"refit: {on}")
    trained, later = trained_on(project), shop_rows(200, seed=9)
    for name, periods in (("predictor", ("train",)), ("refitted", PERIODS[on])):
        by_hand = HistGradientBoostingClassifier(max_iter=20, early_stopping=False, random_state=3)
        by_hand.fit(*rows_of(made, periods, NUMBERS))
        expected = by_hand.predict_proba(later[NUMBERS].to_numpy("float64"))[:, 1]
        scores = load_predictor(project, trained, name).predict(later)["score"]
        np.testing.assert_array_equal(scores, expected)
    about = TrainedModelManifest.of(trained)
    assert about.refit is not None
    last = max(made.part(name)["effective_time"].max() for name in PERIODS[on])
    assert (about.refit.rows, about.refit.until) == (600 * len(PERIODS[on]), format_instant(last.to_pydatetime()))
    assert about.rows == {"train": 600, "validate": 600}
    assert load_deployed(project, trained).id == about.predictors["refitted"] == about.deployed_id


def test_numbers_are_refitted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = snapshot(label="minutes")
    keep_snapshots(monkeypatch, {"s": made})
    project = project_of(tmp_path, HISTOGRAM, "refit: all", "lateness")
    names = ["courier_recent.mean_late_7d", "courier_recent.last_late_7d", "orders.items"]
    by_hand = HistGradientBoostingRegressor(max_iter=20, early_stopping=False, random_state=3)
    by_hand.fit(*rows_of(made, PERIODS["all"], names))
    later = shop_rows(200, seed=9, label="minutes")
    scores = load_deployed(project, trained_on(project, "lateness")).predict(later)["score"]
    np.testing.assert_array_equal(scores, by_hand.predict(later[names].to_numpy("float64")))


@pytest.mark.parametrize(
    "algorithm",
    [
        "{name: lightgbm, params: {num_leaves: 7, num_iterations: 200, early_stopping_round: 5}}",
        "{name: xgboost, params: {max_depth: 3, n_estimators: 200, early_stopping_rounds: 5}}",
        "{name: catboost, params: {depth: 3, iterations: 200, early_stopping_rounds: 5, learning_rate: 0.3}}",
    ],
)
def test_a_refit_takes_as_many_rounds_as_early_stopping_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    keep_snapshots(monkeypatch, {"s": snapshot()})
    project = project_of(tmp_path, f"algorithm: {algorithm}", "refit: all")
    trained = trained_on(project)
    judged, second = (load_predictor(project, trained, name).estimator for name in ("predictor", "refitted"))
    assert judged.iterations == second.iterations == TrainedModelManifest.of(trained).refit.iterations
    assert 0 < judged.iterations < 200
    assert judged.state() != second.state()


def by_lightgbm(made: Any, periods: tuple[str, ...], rounds: int) -> LightGBM:
    """Fit LightGBM's own trees, without the platform's fit; return them as the platform reads trees."""
    values, label = rows_of(made, periods, NUMBERS)
    params = {"objective": "binary", "num_leaves": 7, "learning_rate": 0.1, "seed": 0, "num_threads": 1}
    fixed = {"deterministic": True, "force_col_wise": True, "verbosity": -1}
    names = [f"column_{index}" for index in range(len(NUMBERS))]
    rows = lightgbm.Dataset(values, label, feature_name=names)
    return LightGBM.read(lightgbm.train({**params, **fixed}, rows, rounds).model_to_string())


def test_the_trees_of_a_refit_are_those_of_lightgbm_with_the_number_of_rounds_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = snapshot()
    keep_snapshots(monkeypatch, {"s": made})
    stopping = LIGHTGBM.replace("num_iterations: 60", "num_iterations: 300, early_stopping_round: 5")
    project = project_of(tmp_path, stopping, "refit: train+validate")
    trained = trained_on(project)
    order = [column.name for column in TrainedModelManifest.of(trained).columns]
    assert order == NUMBERS
    rounds = TrainedModelManifest.of(trained).iterations
    fitted = load_deployed(project, trained).estimator
    assert fitted.state() == by_lightgbm(made, ("train", "validate"), rounds).state()


@pytest.mark.parametrize("on", sorted(PERIODS))
def test_the_curve_is_fitted_on_scores_of_test_rows_by_a_fit_that_knows_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on: str
) -> None:
    made = snapshot()
    keep_snapshots(monkeypatch, {"s": made})
    project = project_of(tmp_path, LIGHTGBM, f"calibration: isotonic\nrefit: {on}")
    trained, later = trained_on(project), shop_rows(300, seed=9)
    test, label = rows_of(made, ("test",), NUMBERS)
    curve = IsotonicRegression(out_of_bounds="clip")
    curve.fit(by_lightgbm(made, ("train", "validate"), 60).booster.predict(test), label)
    raw = by_lightgbm(made, PERIODS[on], 60).booster.predict(later[NUMBERS].to_numpy("float64"))
    scores = load_deployed(project, trained).predict(later)["score"]
    np.testing.assert_allclose(scores, curve.predict(raw), atol=1e-12)
    refit = TrainedModelManifest.of(trained).refit
    assert (refit.calibration, refit.calibration_rows) == ("isotonic", 600)


def test_the_chosen_calibrator_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_snapshots(monkeypatch, {"s": snapshot()})
    overfitted = LIGHTGBM.replace("num_leaves: 7, learning_rate: 0.1", "num_leaves: 60, learning_rate: 0.3")
    project = project_of(tmp_path, overfitted, "calibration: choose\nrefit: all")
    trained = trained_on(project)
    before, after = (load_predictor(project, trained, name).calibration for name in ("predictor", "refitted"))
    assert before.method == after.method != "none"
    assert before != after


def test_the_chosen_algorithm_is_refitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_snapshots(monkeypatch, {"s": snapshot()})
    project = project_of(tmp_path, LIGHTGBM, "choose: {simplest_within: 0.9}\nrefit: all")
    trained = trained_on(project)
    chosen = TrainedModelManifest.of(trained).choice.chosen
    assert chosen == "rule"
    judged, second = (load_predictor(project, trained, name) for name in ("predictor", "refitted"))
    assert judged.estimator.kind == second.estimator.kind == "rule"


def test_without_a_refit_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_snapshots(monkeypatch, {"s": snapshot()})
    plain, none, every = (
        trained_on(project_of(tmp_path / name, LIGHTGBM, text))
        for name, text in (("plain", ""), ("none", "refit: none"), ("all", "refit: all"))
    )
    assert (none.id, none.key) == (plain.id, plain.key)
    assert "refit" not in plain.about
    assert plain.about["predictors"].keys() == none.about["predictors"].keys()
    assert every.id != plain.id
    assert every.about["predictors"]["predictor"] == plain.about["predictors"]["predictor"]
    assert every.about["declaration"] == plain.about["declaration"]  # a comparison says nothing about a refit


def test_rows_of_a_class_that_the_first_fit_does_not_know_are_excluded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = dict(snapshot(label="lane").parts)
    parts["test"] = parts["test"].assign(label=["zoe", *parts["test"]["label"][1:]])
    keep_snapshots(monkeypatch, {"s": HandMadeSnapshot(parts)})
    project = shop_project(tmp_path, models__lane=f"{SEGMENTS}calibration: sigmoid\nrefit: all\n")
    trained = trained_on(project, "lane")
    refit = TrainedModelManifest.of(trained).refit
    assert (refit.rows, refit.calibration_rows) == (1799, 599)
    assert refit.notes == ("1 rows of a class that the train period does not have are not refitted",)
    assert load_deployed(project, trained).classes == load_predictor(project, trained).classes


def test_a_test_period_that_calibrates_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = dict(snapshot().parts)
    parts["test"] = parts["test"].assign(label=True)
    keep_snapshots(monkeypatch, {"s": HandMadeSnapshot(parts)})
    project = project_of(tmp_path, LIGHTGBM, "calibration: isotonic\nrefit: all")
    with pytest.raises(TrainingError, match=r"every class in the test period, found .*Lengthen split\.test"):
        trained_on(project)


MEANS = """
import numpy as np

class Means:
    def fit(self, X, y, *, validate, seed, threads):
        {look}
        self.mean = float(np.mean(y))
    def predict(self, X):
        return np.full(len(X), self.mean)
    def get_state(self):
        return {{"mean": self.mean}}
    @classmethod
    def from_state(cls, state):
        made = cls()
        made.mean = state["mean"]
        return made
"""


def test_a_class_of_the_project_gets_no_validate_rows_in_a_refit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_snapshots(monkeypatch, {"s": snapshot()})
    means = 'algorithm: "transforms.my_means:Means"'
    text = LATE_PARCEL.replace(LIGHTGBM, means)
    kept = shop_project(
        tmp_path / "kept",
        models__late_parcel=f"{text}refit: all\n",
        **{"transforms__my_means_py": MEANS.format(look="pass")},
    )
    trained = trained_on(kept)
    label = np.concatenate([snapshot().part(name)["label"] for name in PERIODS["all"]])
    assert load_deployed(kept, trained).predict(shop_rows(3))["score"][0] == np.mean(label)
    reads = MEANS.format(look="len(validate[0])")
    broken = shop_project(
        tmp_path / "broken", models__late_parcel=f"{text}refit: all\n", **{"transforms__my_means_py": reads}
    )
    with pytest.raises(TrainingError, match=r"In a refit, validate is None: let fit do without, or remove refit"):
        trained_on(broken)


def test_a_wrong_value_is_named_with_the_right_ones(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"refit must be none, train\+validate or all, found 'everything'"):
        project_of(tmp_path, LIGHTGBM, "refit: everything")


def test_an_algorithm_that_stops_early_needs_a_parameter_for_its_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = LIGHTGBM.replace("num_iterations: 60", "early_stopping_round: 5")
    model = project_of(tmp_path, stopping, "refit: all").spec.models["late_parcel"]
    assert list(check_refit(model)) == []
    monkeypatch.setattr(LightGBM, "rounds_param", None)
    (problem,) = check_refit(model)
    assert "Remove early_stopping_round, or refit" in problem.text

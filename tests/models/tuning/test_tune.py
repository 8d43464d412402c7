"""Tuning on real snapshots: the test period stays unseen, losses agree with plain loops, and training follows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.audit.reproduce.reproducer import reproduce
from ml_platform.core.errors import ArtifactDamaged, TrainingError
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import Snapshot, load_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.bundled_code import Code
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import fit_predictors, train_model
from ml_platform.models.tuning import tune
from ml_platform.models.tuning.apply import with_params
from ml_platform.models.tuning.folds import folds_of, score_of
from ml_platform.models.tuning.tune import tune_model
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.artifact_kinds.tuning import TuningManifest
from ml_platform.storage.versions import register_version
from tests.worlds import LATE_PARCEL, LATENESS, NOW, write_shop

pytestmark = pytest.mark.slow

TUNING = """\
tuning:
  trials: 5
  space:
    num_leaves: {low: 3, high: 31, log: true}
    learning_rate: {low: 0.01, high: 0.3, log: true}
"""


def tuned_shop(directory: Path, more: str = "", name: str = "late_parcel") -> tuple[Project, str]:
    base = {"late_parcel": LATE_PARCEL, "lateness": LATENESS}[name]
    (write_shop(directory) / f"models/{name}.yaml").write_text(base + TUNING + more)
    project = open_project(directory)
    sources = {source: ingest_source(project, source, NOW).made.artifact.id for source in ("orders", "deliveries")}
    inputs = {f"sources/{source}": id for source, id in sources.items()}
    inputs["features/courier_recent"] = build_feature_table(
        project, "courier_recent", sources["deliveries"]
    ).artifact.id
    return project, build_snapshot(project, name, inputs, NOW).artifact.id


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    return tuned_shop(tmp_path_factory.mktemp("shop"))


def test_the_loss_of_the_declared_parameters_is_that_of_a_loop_over_each_fold(shop: tuple[Project, str]) -> None:
    project, snapshot_id = shop
    model, snapshot = project.spec.models["late_parcel"], load_snapshot(project, snapshot_id)
    about = TuningManifest.of(tune_model(project, "late_parcel", snapshot_id).artifact)
    total = rows = 0.0
    for back in (2, 1):
        start = snapshot.boundaries.test_start - back * timedelta(days=7)
        known = pd.concat([snapshot.part("train"), snapshot.part("validate")])
        time = known["effective_time"]
        judged = known[(time > start) & (time <= start + timedelta(days=7))]
        parts = {
            "train": known[time <= start - timedelta(days=7 + 2)],
            "validate": known[(time > start - timedelta(days=7)) & (time <= start - timedelta(days=2))],
        }
        moved: Any = Parts({name: part.reset_index(drop=True) for name, part in parts.items()})
        fitted = fit_predictors(project.spec, model, Code({}, project.root, project.root), moved)
        scores = fitted.predictors["predictor"].predict(judged.reset_index(drop=True))["score"]
        for score, late in zip(scores, judged["label"], strict=True):
            total, rows = total + (score - late) ** 2, rows + 1
    assert about.declared.losses[-1] == pytest.approx(total / rows, rel=1e-12)
    assert sum(fold.judged for fold in about.folds) == rows
    assert about.score == "brier"


class Parts:
    """A snapshot of hand-made parts."""

    def __init__(self, parts: dict[str, pd.DataFrame]) -> None:
        self.part = parts.__getitem__


def test_neither_rows_of_the_test_period_nor_labels_that_were_not_settled_take_part(
    shop: tuple[Project, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, snapshot_id = shop
    model = project.spec.models["late_parcel"]
    code = Code({}, project.root, project.root)
    whole = load_snapshot(project, snapshot_id)
    spoilt = whole.frame.copy()
    in_test = spoilt["effective_time"] > whole.boundaries.test_start
    assert in_test.any()
    spoilt.loc[in_test, "label"] = ~spoilt.loc[in_test, "label"].astype(bool)
    spoilt.loc[in_test, "orders.items"] = 77
    folds = folds_of(project.spec, model, code, load_snapshot(project, snapshot_id, ("train", "validate")))
    same = folds_of(project.spec, model, code, replace(whole, frame=spoilt))
    for fold, other in zip(folds, same, strict=True):
        assert fold.judge({"num_leaves": 4}) == other.judge({"num_leaves": 4})
        assert fold.rows["effective_time"].max() <= whole.boundaries.test_start
        assert fold.prepared.until <= fold.boundaries.test_start - timedelta(days=2)
        assert fold.prepared.validate_rows["effective_time"].min() > fold.boundaries.validate_start
    assert folds[-1].boundaries.end == whole.boundaries.test_start
    read = []

    def recorded(opened: Project, id: str, *parts: Any) -> Snapshot:
        read.append(parts)
        return load_snapshot(opened, id, *parts)

    monkeypatch.setattr(tune, "load_snapshot", recorded)
    monkeypatch.setattr(tune, "require_no_leaks", lambda *_: None)
    monkeypatch.setattr(project.store, "find", lambda *_: None)
    tune_model(project, "late_parcel", snapshot_id)
    assert read == [(("train", "validate"),)]


def test_the_best_parameters_are_fitted_and_the_version_is_reproduced_and_verified(shop: tuple[Project, str]) -> None:
    project, snapshot_id = shop
    tuned = tune_model(project, "late_parcel", snapshot_id)
    about = TuningManifest.of(tuned.artifact)
    assert about.best is not None
    assert about.params == about.trials[about.best].params
    complete = [trial.losses[-1] for trial in about.trials if trial.state == "complete"]
    assert about.best_trial.losses[-1] == min(complete) < about.declared.losses[-1]
    trained = train_model(project, "late_parcel", snapshot_id, tuning_id=tuned.artifact.id).artifact
    assert trained.inputs == {"snapshot": snapshot_id, "tuning": tuned.artifact.id}
    assert TrainedModelManifest.of(trained).params == {"num_iterations": 60, **about.params}
    model = with_params(project.spec.models["late_parcel"], about.params)
    by_hand = fit_predictors(
        project.spec, model, Code({}, project.root, project.root), load_snapshot(project, snapshot_id)
    )
    assert by_hand.predictors["predictor"].id == load_predictor(project, trained).id
    assert train_model(project, "late_parcel", snapshot_id, tuning_id=tuned.artifact.id).reused
    version = register_version(project, "late_parcel", trained, NOW)
    assert reproduce(project, version, from_sources=True).same
    assert list(about.contents({}, lambda _: None)) == []
    assert about.id_of(tuned.artifact.inputs, {}) == tuned.artifact.id


def test_a_version_whose_parameters_are_not_those_of_its_search_is_not_reproduced(
    shop: tuple[Project, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, snapshot_id = shop
    tuned = tune_model(project, "late_parcel", snapshot_id).artifact
    trained = train_model(project, "late_parcel", snapshot_id, tuning_id=tuned.id).artifact
    version = register_version(project, "late_parcel", trained, NOW)
    about = TuningManifest.of(tuned)
    monkeypatch.setattr(TuningManifest, "of", classmethod(lambda cls, artifact: about.but(params={"num_leaves": 99})))
    with pytest.raises(ArtifactDamaged, match=r"params is .* and its declaration has"):
        reproduce(project, version)


def test_a_search_whose_best_is_another_trial_fails_verification(shop: tuple[Project, str]) -> None:
    project, snapshot_id = shop
    about = TuningManifest.of(tune_model(project, "late_parcel", snapshot_id).artifact)
    other = next(place for place, trial in enumerate(about.trials) if place != about.best)
    planted = about.but(best=other, params=about.trials[other].params)
    (mismatch,) = planted.contents({}, lambda _: None)
    assert mismatch.what == "tuning of late_parcel"


def test_the_same_search_in_another_project_has_the_same_id_and_time_is_no_part_of_it(
    shop: tuple[Project, str], tmp_path: Path
) -> None:
    project, snapshot_id = shop
    made = tune_model(project, "late_parcel", snapshot_id).artifact
    other, other_snapshot = tuned_shop(tmp_path / "other")
    second = tune_model(other, "late_parcel", other_snapshot).artifact
    assert (other_snapshot, second.id) == (snapshot_id, made.id)
    assert TuningManifest.of(made).but(seconds=(9.0,)).id_of(made.inputs, {}) == made.id
    reseeded, _ = tuned_shop(tmp_path / "seed", more="  seed: 5\n")
    assert tune_model(reseeded, "late_parcel", snapshot_id).artifact.id != made.id
    assert not list((project.state / "tuning").iterdir())  # the journal is gone


def test_numbers_are_judged_by_the_loss_that_is_fitted(tmp_path: Path) -> None:
    project, snapshot_id = tuned_shop(tmp_path, name="lateness")
    squared = project.spec.models["lateness"]
    absolute = with_params(squared, {"objective": "regression_l1"})
    quantile = with_params(squared, {"objective": "quantile", "alpha": 0.8})
    snapshot = load_snapshot(project, snapshot_id, ("train", "validate"))
    losses: dict[str, Any] = {
        "squared error": (squared, lambda error: error**2),
        "absolute error": (absolute, abs),
        "pinball": (quantile, lambda error: max(0.8 * error, -0.2 * error)),
    }
    for name, (model, loss) in losses.items():
        assert score_of(model) == name
        fold = folds_of(project.spec, model, Code({}, project.root, project.root), snapshot)[-1]
        predicted = fold.prepared.fit(model.algorithm, calibrated=True).predict(fold.rows)["score"]
        by_hand = sum(loss(label - score) for label, score in zip(fold.rows["label"], predicted, strict=True))
        assert sum(fold.judge({}).sums) == pytest.approx(by_hand)


def test_score_value_judges_in_money(tmp_path: Path) -> None:
    project, snapshot_id = tuned_shop(tmp_path, more="  score: value\n")
    model = project.spec.models["late_parcel"]
    snapshot = load_snapshot(project, snapshot_id, ("train", "validate"))
    fold = folds_of(project.spec, model, Code({}, project.root, project.root), snapshot)[0]
    taken = fold.prepared.fit(model.algorithm, calibrated=True).predict(fold.rows)["action"]
    gains: dict[Any, float] = {}
    for action, late, time in zip(taken, fold.rows["label"], fold.rows["effective_time"], strict=True):
        gains[time.date()] = gains.get(time.date(), 0.0) + (-4 + 9 * late if action == "upgrade" else 0)
    assert score_of(model) == "value"
    np.testing.assert_allclose(fold.judge({}).sums, [-gain for _, gain in sorted(gains.items())], atol=1e-9)


def test_a_model_without_tuning_is_refused(tmp_path: Path) -> None:
    project = open_project(write_shop(tmp_path))
    with pytest.raises(TrainingError, match="late_parcel declares no tuning"):
        tune_model(project, "late_parcel", "any")

"""Versions that are refitted before they are deployed: judged by the fit before, deployed as the refit."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import ml_platform
from ml_platform.audit.reproduce.reproducer import reproduce
from ml_platform.core.errors import EvaluationError
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.models.predictor import load_deployed, load_predictor
from ml_platform.models.train import train_model
from ml_platform.operations.monitoring.reference import reference_of
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion_ref
from ml_platform.registry.evaluation import candidates
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.registry.evaluation.scored_rows import scored_rows
from ml_platform.registry.resolve import version_named
from ml_platform.reporting.card.limits import limits_of
from ml_platform.reporting.live_version import champion_status
from ml_platform.reporting.mlflow.records import training_record
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.ledger.lines import ledger_lines
from ml_platform.storage.manifest import Artifact
from tests.models.rows import HandMadeSnapshot, keep_snapshots, shop_project, shop_rows
from tests.models.test_from_sources import make_champion
from tests.worlds import LATE_PARCEL, NOW, write_shop

pytestmark = pytest.mark.slow

LIGHTGBM = "algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}"
MEMORIZING = "algorithm: {name: lightgbm, params: {num_leaves: 500, min_data_in_leaf: 1, num_iterations: 60}}"


def luck(periods: dict[str, int]) -> HandMadeSnapshot:
    """Return rows whose label is a coin: nothing can be learned, and everything can be memorized."""
    parts = {}
    for name, seed in periods.items():
        rows = shop_rows(300, seed=seed)
        parts[name] = rows.assign(label=np.random.default_rng(seed).random(len(rows)) < 0.5)
    return HandMadeSnapshot(parts)


FIRST = {"train": 0, "validate": 1, "test": 2}
LATER = {"train": 1, "validate": 3, "test": 2}
"""Later, with the test rows of the first: those that the champion was refitted on."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    keep_snapshots(monkeypatch, {"first": luck(FIRST), "later": luck(LATER)})
    text = LATE_PARCEL.replace(LIGHTGBM, MEMORIZING)
    return shop_project(tmp_path, models__late_parcel=f"{text}refit: all\n")


def auc_of(project: Project, trained: Artifact, part: str) -> float:
    rows = luck(FIRST).part("test")
    return float(roc_auc_score(rows["label"], load_predictor(project, trained, part).predict(rows)["score"]))


def judged(project: Project, snapshot: str, champion: str | None = None) -> EvaluationManifest:
    trained = train_model(project, "late_parcel", snapshot).artifact.id
    return EvaluationManifest.of(evaluate_model(project, "late_parcel", trained, snapshot, champion).artifact)


def test_the_challenger_is_judged_by_the_fit_that_knows_no_test_row(project: Project) -> None:
    trained = train_model(project, "late_parcel", "first").artifact
    about = judged(project, "first")
    assert about.figures["auc"] == pytest.approx(auc_of(project, trained, "predictor"))
    assert about.figures["auc"] < 0.6
    assert auc_of(project, trained, "refitted") > 0.99  # what a refit that judged itself would show
    assert "challenger is judged by the fit before the refit" in str(about.notes)
    assert about.figures["size_mb"] == TrainedModelManifest.of(trained).size_mb["refitted"]


def test_the_champion_is_judged_by_its_fit_before_the_refit_on_rows_that_the_refit_knows(project: Project) -> None:
    champion = train_model(project, "late_parcel", "first").artifact
    about = judged(project, "later", champion.id)
    (other,) = (item for item in about.contenders if item.role == "champion")
    assert other.figures["auc"] == pytest.approx(auc_of(project, champion, "predictor"))
    assert other.figures["auc"] < 0.6
    assert "challenger, champion are judged by the fit before the refit" in str(about.notes)


def test_an_evaluation_of_a_refit_on_rows_that_it_knows_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: an evaluation that takes what is deployed."""
    monkeypatch.setattr("ml_platform.registry.evaluation.evaluate.PREDICTOR", "refitted")
    with pytest.raises(EvaluationError, match=r"may have been fitted on the rows that are to judge it"):
        judged(project, "first")


def test_only_what_judges_loads_a_predictor_by_its_name() -> None:
    """Every other part of the platform answers with what is deployed."""
    root = Path(ml_platform.__file__).parent
    loading = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"\bload_predictor\b", path.read_text(encoding="utf-8"))
    }
    assert loading == {
        "models/predictor.py",
        "models/training_curve.py",  # of the fit that was stopped early
        "operations/monitoring/reference.py",  # the scores of rows that the predictor was not fitted on
        "operations/planning/nodes/trained_model.py",  # verifies all of them
        "registry/evaluation/behavior.py",
        "registry/evaluation/candidates.py",
        "registry/evaluation/paired.py",
        "registry/evaluation/scored_rows.py",
    }


def test_directions_are_probed_in_what_is_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_snapshots(monkeypatch, {"s": HandMadeSnapshot({name: shop_rows(seed=seed) for name, seed in FIRST.items()})})
    column = "courier_recent.mean_late_7d"
    rising = LIGHTGBM.replace("}}", f"}}, monotone: {{{column}: increasing}}}}")
    project = shop_project(tmp_path, models__late_parcel=f"{LATE_PARCEL.replace(LIGHTGBM, rising)}refit: all\n")
    trained = train_model(project, "late_parcel", "s").artifact.id
    real = load_deployed

    def falling(project: Project, artifact: Artifact) -> Any:
        predictor = real(project, artifact)

        class Falling(type(predictor.estimator)):  # type: ignore[misc]
            def predict(self, matrix: Any) -> np.ndarray:
                return 1 - super().predict(matrix)

        fitted: Any = predictor.estimator
        estimator = Falling(fitted.text, fitted.booster)
        return dataclasses.replace(predictor, estimator=estimator)

    right = evaluate_model(project, "late_parcel", trained, "s", None).artifact.about["figures"]
    assert right["monotone_violations"] == 0
    monkeypatch.setattr(candidates, "load_deployed", falling)
    other = shop_project(  # a slice more, so that it is evaluated again
        tmp_path, models__late_parcel=f"{LATE_PARCEL.replace(LIGHTGBM, rising)}refit: all\nslices: {{few: items < 3}}\n"
    )
    about = EvaluationManifest.of(evaluate_model(other, "late_parcel", trained, "s", None).artifact)
    assert about.figures["monotone_violations"] > 100
    assert about.figures["auc"] == right["auc"]  # the judged fit did not change


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dict[str, str]]:
    root = write_shop(tmp_path_factory.mktemp("shop"))
    path = root / "models/late_parcel.yaml"
    path.write_text(f"{path.read_text()}calibration: sigmoid\nrefit: all\n")
    project = open_project(root)
    return project, make_champion(project, "late_parcel")


def test_the_deployment_names_the_refit_and_what_judged_it(shop: tuple[Project, dict[str, str]]) -> None:
    project, made = shop
    about = TrainedModelManifest.of(project.store.get("trained_model", made["trained"]))
    (line,) = ledger_lines(project.database, champion_ref("late_parcel"))
    assert (line.facts["refit"], line.facts["predictor"]) == ("all", about.predictors["refitted"])
    rows = sum(len(load_snapshot(project, made["snapshot"]).part(name)) for name in ("train", "validate", "test"))
    what = f"{rows:,} rows of train, validate and test, up to {about.refit.until[:10]}"
    assert line.reason.endswith(f"deployed is its refit on {what}; the figures are those of the fit before")
    text = f"What is deployed is a refit, on {what}. The evaluation judged the fit before, which knew no test row."
    assert champion_status(project, "late_parcel", NOW).refit == text
    assert text in " ".join(limits_of(about, None, None, None))
    version = version_named(project, "late_parcel@1")
    record = training_record(version, project.store.get("trained_model", made["trained"]), NOW, NOW, {}, None)
    assert (record.params["refit"], record.metrics["rows_refit"]) == ("all", rows)
    assert text in record.description


def test_rows_are_answered_by_the_refit_and_evaluation_rows_by_the_fit_before(
    shop: tuple[Project, dict[str, str]],
) -> None:
    project, made = shop
    trained = project.store.get("trained_model", made["trained"])
    test = load_snapshot(project, made["snapshot"]).part("test")
    before, refitted = load_predictor(project, trained).predict(test), load_deployed(project, trained).predict(test)
    assert (before["score"] != refitted["score"]).mean() > 0.9
    version = version_named(project, "late_parcel@1")
    np.testing.assert_array_equal(scored_rows(project, version)["score"], before["score"])
    asked = test[[name for name in map(str, test) if name.startswith(("orders.", "courier_recent."))]].rename(
        columns=lambda name: str(name).removeprefix("orders.")
    )
    answered = ml_platform.predict(project, "late_parcel@1", asked)
    np.testing.assert_array_equal(answered["score"], refitted["score"])


def test_the_reference_of_drift_has_scores_of_rows_that_their_fit_did_not_know(
    shop: tuple[Project, dict[str, str]],
) -> None:
    project, made = shop
    trained = project.store.get("trained_model", made["trained"])
    read = load_snapshot(project, made["snapshot"])
    unfitted = pd.concat([read.part("validate"), read.part("test")], ignore_index=True)
    expected = load_predictor(project, trained).predict(unfitted)["score"]
    assert sorted(reference_of(project, trained).sample["score"]) == sorted(expected)


def test_a_refit_is_reproduced_to_the_bit(shop: tuple[Project, dict[str, str]]) -> None:
    project, _ = shop
    outcome = reproduce(project, version_named(project, "late_parcel@1"))
    assert outcome.same
    assert set(outcome.fitted) == {"predictor", "refitted", "baseline/rule", "baseline/logistic_regression"}

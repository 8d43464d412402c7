"""Contributions, each held against a calculation by hand or another library's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.audit.explain.contributions import Contributions, contributions_of
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.predictor import Predictor, load_predictor
from ml_platform.project import Project, open_project
from tests.models.rows import shop_rows
from tests.operations.monitoring.hand_made_world import hand_made_world
from tests.shop_project import open_shop


def fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str, model: str = "late_parcel", **rows: Any
) -> Predictor:
    project = open_shop(tmp_path)
    path = project.root / f"models/{model}.yaml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("algorithm:")]
    path.write_text("\n".join([*kept, f"algorithm: {algorithm}"]) + "\n")
    world = hand_made_world(open_project(project.root), monkeypatch, **rows)
    return predictor_of(world.project, world.train(model, shop_rows(400, seed=3, **rows), "snapshot").id)


def predictor_of(project: Project, id: str) -> Predictor:
    return load_predictor(project, project.store.get("trained_model", id))


def contributions_by_row(predictor: Predictor, rows: pd.DataFrame) -> list[tuple[Contributions, ...]]:
    return contributions_of(predictor, read_columns(rows, predictor.inputs))


def test_the_terms_of_a_linear_score_are_weight_times_scaled_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor, rows = fitted(tmp_path, monkeypatch, "logistic_regression"), shop_rows(30, seed=9)
    train = shop_rows(400, seed=3).iloc[:240]["orders.amount"].to_numpy("float64")  # the first 60 % are fitted on
    estimator: Any = predictor.estimator
    names = [column.name for column in predictor.matrix]
    dense = estimator.dense.apply(predictor.encode(read_columns(rows, predictor.inputs)))
    decisions = estimator.estimator.decision_function(dense)  # scikit-learn's own
    place = next(i for i, item in enumerate(estimator.dense.columns) if names[item.source] == "orders.amount")
    weight = estimator.estimator.coef_[0][place]
    for row, (contributions,) in enumerate(contributions_by_row(predictor, rows)):
        assert (contributions.method, contributions.exact, contributions.adds_up) == ("linear", True, True)
        assert contributions.base == estimator.estimator.intercept_[0]
        assert contributions.total == pytest.approx(decisions[row], abs=1e-9)
        amount = next(term for term in contributions.terms if term.column == "orders.amount")
        scaled = (rows["orders.amount"].iloc[row] - np.nanmean(train)) / np.nanstd(train)
        if not np.isnan(scaled):
            assert amount.amount == pytest.approx(weight * scaled, rel=1e-6)
        assert contributions.steps[0].figure == pytest.approx(1 / (1 + np.exp(-decisions[row])), abs=1e-12)


def test_a_ridge_regression_adds_up_to_its_prediction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = fitted(tmp_path, monkeypatch, "ridge", "lateness", label="minutes")
    rows = shop_rows(20, seed=9, label="minutes")
    predicted = predictor.predict(rows)["score"].tolist()
    for (contributions,), score in zip(contributions_by_row(predictor, rows), predicted, strict=True):
        assert contributions.total == pytest.approx(score, abs=1e-9)
        assert [step.name for step in contributions.steps] == ["prediction"]


def test_calibration_is_shown_as_a_step_after_the_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    algorithm = "{name: lightgbm, params: {num_iterations: 10}}\ncalibration: sigmoid"
    predictor, rows = fitted(tmp_path, monkeypatch, algorithm), shop_rows(20, seed=9)
    ((_, (slope,), (offset,)),) = predictor.calibration.to_json()
    for (contributions,), score in zip(
        contributions_by_row(predictor, rows), predictor.predict(rows)["score"], strict=True
    ):
        assert [step.name for step in contributions.steps] == ["sigmoid, 1 / (1 + exp(−raw))", "sigmoid calibration"]
        assert contributions.steps[0].figure == pytest.approx(1 / (1 + np.exp(-contributions.total)), abs=1e-9)
        assert contributions.steps[1].figure == score
        assert score == pytest.approx(1 / (1 + np.exp(-(slope * contributions.total + offset))), abs=1e-9)


def test_a_rule_is_shown_as_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = fitted(tmp_path, monkeypatch, "{name: rule, expression: courier_recent.mean_late_7d > 20}")
    rows = shop_rows(5, seed=9)
    for place, (contributions,) in enumerate(contributions_by_row(predictor, rows)):
        assert (contributions.method, contributions.exact) == ("rule", False)
        assert "courier_recent.mean_late_7d > 20" in contributions.note
        assert [term.column for term in contributions.terms] == ["courier_recent.mean_late_7d"]
        value = rows["courier_recent.mean_late_7d"].iloc[place]
        assert contributions.terms[0].value == (None if np.isnan(value) else value)


def test_a_constant_has_no_terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = fitted(tmp_path, monkeypatch, "constant")
    (explained,) = contributions_by_row(predictor, shop_rows(1, seed=9))[0]
    assert (explained.method, explained.terms) == ("constant", ())
    assert explained.raw == predictor.predict(shop_rows(1, seed=9))["score"].iloc[0]


def test_a_forest_is_reported_to_have_no_exact_contributions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = fitted(tmp_path, monkeypatch, "{name: RandomForestClassifier, params: {n_estimators: 10}}")
    rows = shop_rows(3, seed=9)
    explained = contributions_by_row(predictor, rows)
    without = rows.assign(**{"orders.amount": np.nan})
    change = (predictor.predict(rows)["score"] - predictor.predict(without)["score"]).tolist()
    for place, (contributions,) in enumerate(explained):
        assert (contributions.method, contributions.exact) == ("set_to_null", False)
        assert "no exact contributions" in contributions.note
        amount = next(term.amount for term in contributions.terms if term.column == "orders.amount")
        assert amount == pytest.approx(change[place], abs=1e-12)


def test_several_classes_have_contributions_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    algorithm = "{name: lightgbm, params: {num_iterations: 5}}\ntask: multiclass"
    project = open_shop(tmp_path)
    text = (project.root / "models/late_parcel.yaml").read_text().replace("task: binary\n", "")
    text = text.replace("-4 + label * 9", "-4 + 9 * (label == 'late')").replace('gates: {auc: ">= 0.55"}\n', "")
    text = text.replace("expression: minutes_late >= 30", "expression: \"'late' if minutes_late >= 30 else 'soon'\"")
    (project.root / "models/late_parcel.yaml").write_text(text)
    assert "baselines:" in text
    kept = text.partition("baselines:")
    rest = kept[2].partition("value:")
    lines = [line for line in (kept[0] + "value:" + rest[2]).splitlines() if not line.startswith("algorithm:")]
    (project.root / "models/late_parcel.yaml").write_text("\n".join([*lines, f"algorithm: {algorithm}"]) + "\n")
    world = hand_made_world(open_project(project.root), monkeypatch)
    rows = shop_rows(400, seed=3)
    rows["label"] = np.where(rows["label"], "late", np.where(rows["orders.items"] > 4, "soon", "early"))
    predictor = predictor_of(world.project, world.train("late_parcel", rows, "three").id)
    assert predictor.classes == ("early", "late", "soon")
    asked = shop_rows(5, seed=9)
    predicted = predictor.predict(asked)
    for place, explained in enumerate(contributions_by_row(predictor, asked)):
        assert [item.of for item in explained] == ["early", "late", "soon"]
        odds = np.exp([item.total for item in explained])
        shares = odds / odds.sum()
        assert predicted.iloc[place][["score.early", "score.late", "score.soon"]].tolist() == pytest.approx(
            shares.tolist()
        )


def test_a_plain_class_of_the_project_is_trained_read_and_explained_by_leaving_columns_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (open_shop(tmp_path).root / "mine.py").write_text("from sklearn.neighbors import KNeighborsClassifier\n")
    predictor, rows = fitted(tmp_path, monkeypatch, '{name: "mine:KNeighborsClassifier"}'), shop_rows(3, seed=9)
    without = rows.assign(**{"orders.amount": np.nan})
    change = (predictor.predict(rows)["score"] - predictor.predict(without)["score"]).tolist()
    for place, (actual,) in enumerate(contributions_by_row(predictor, rows)):
        amount = next(term.amount for term in actual.terms if term.column == "orders.amount")
        assert actual.method == "set_to_null"
        assert amount == pytest.approx(change[place], abs=1e-12)

"""Fairness of recommended actions: the figures of fairlearn, an interval by days, and gates on both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equalized_odds_difference,
    selection_rate,
)

from ml_platform.core.errors import DeclarationError
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import train_model
from ml_platform.project import Project
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.registry.evaluation.fairness import fairness_result, groups_of
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from tests.models.rows import keep_snapshots, shop_project, snapshot
from tests.worlds import LATE_PARCEL, LATENESS

PROTECTED = "protected: {courier: courier, large: items > 4}\n"


def drawn(seed: int, rows: int = 900, days: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return groups, whether rows are acted on, labels and days."""
    draw = np.random.default_rng(seed)
    group = draw.choice(["f", "m", "x"], rows, p=[0.5, 0.3, 0.2])
    label = draw.random(rows) < 0.4
    acted = draw.random(rows) < 0.3 + 0.2 * (group == "m") + 0.3 * label
    return group, acted, label, draw.integers(0, days, rows)


def masks_of(group: np.ndarray) -> dict[str, np.ndarray]:
    return {name: group == name for name in sorted(set(group.tolist()))}


@pytest.mark.parametrize("seed", range(5))
def test_both_differences_are_those_of_fairlearn(seed: int) -> None:
    group, acted, label, days = drawn(seed)
    result = fairness_result("gender", masks_of(group), acted, label, days)
    parity = demographic_parity_difference(label, acted, sensitive_features=group)
    odds = equalized_odds_difference(label, acted, sensitive_features=group)
    assert result.selection_rate.figure == pytest.approx(parity, abs=1e-12)
    assert result.equalized_odds.figure == pytest.approx(odds, abs=1e-12)
    assert result.selection_rate.low < parity < result.selection_rate.high
    assert {item.name: item.acted for item in result.groups} == pytest.approx(
        MetricFrame(metrics=selection_rate, y_true=label, y_pred=acted, sensitive_features=group).by_group.to_dict()
    )


@pytest.mark.slow
def test_the_interval_is_that_of_fairlearns_bootstrap_where_no_two_rows_share_a_day() -> None:
    group, acted, label, _ = drawn(1)
    group = np.where(group == "x", "f", group)  # of more groups, the interval is wider than that of a bootstrap
    interval = fairness_result("gender", masks_of(group), acted, label, np.arange(len(group))).selection_rate
    frame = MetricFrame(
        metrics=selection_rate,
        y_true=label,
        y_pred=acted,
        sensitive_features=group,
        n_boot=400,
        ci_quantiles=[0.025, 0.975],
        random_state=0,
    )
    low, high = frame.difference_ci(method="between_groups")
    assert interval.high - interval.low == pytest.approx(high - low, rel=0.15)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.02)


@pytest.mark.slow
def test_the_interval_covers_the_true_difference_where_rows_of_a_day_share_luck() -> None:
    covered, truth, worlds = 0, 0.2, 400
    for seed in range(worlds):
        draw = np.random.default_rng(seed)
        days = np.repeat(np.arange(20), 60)
        luck = draw.normal(0, 0.08, (2, 20))  # of each group on each day
        second = draw.random(len(days)) < 0.5
        share = 0.4 + truth * second + luck[second.astype(int), days]
        acted = draw.random(len(days)) < share
        interval = fairness_result("g", {"a": ~second, "b": second}, acted, None, days).selection_rate
        covered += interval.low <= truth <= interval.high
    assert 0.92 <= covered / worlds <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "gap"), [(3, 0.0), (8, 0.0), (21, 0.0), (8, 0.2), (21, 0.2)])
def test_the_largest_of_many_differences_is_not_surely_more_than_the_true_one(groups: int, gap: float) -> None:
    covered = {"selection_rate": 0, "equalized_odds": 0}
    worlds = 100
    for seed in range(worlds):
        draw = np.random.default_rng(seed)
        group, days = draw.integers(0, groups, 100 * groups), draw.integers(0, 28, 100 * groups)
        acted = draw.random(len(group)) < 0.4 + gap * (group == 0)
        label = draw.random(len(group)) < 0.3
        masks = {str(number): group == number for number in range(groups)}
        result = fairness_result("g", masks, acted, label, days)
        for name in covered:
            covered[name] += getattr(result, name).low <= gap <= getattr(result, name).high
    assert min(covered.values()) / worlds >= 0.93


def test_a_share_of_one_row_is_no_certain_share() -> None:
    second = np.arange(600) >= 300
    label = np.where(second, np.arange(600) == 300, np.arange(600) % 2 == 0)  # one positive row in the second group
    acted = np.where(second, True, np.arange(600) % 4 < 2)
    odds = fairness_result("g", {"a": ~second, "b": second}, acted & label, label, np.arange(600) % 20).equalized_odds
    assert odds.figure == pytest.approx(0.5)  # half of the positive rows of one group, all one of the other
    assert (odds.low, odds.high) == (0.0, 1.0)


def test_what_cannot_be_known_is_declined_and_small_groups_are_named() -> None:
    group, acted, label, days = drawn(2, rows=300)
    few = masks_of(group) | {"rare": np.arange(300) < 5}
    result = fairness_result("gender", few, acted, label, days % 10)
    assert result.too_few == ("rare",)
    assert result.selection_rate.declined == "too few days: 10, 14 are needed"
    assert result.selection_rate.figure is not None
    alone = fairness_result("gender", {"all": np.ones(300, bool)}, acted, label, days)
    assert (alone.selection_rate.figure, alone.selection_rate.declined) == (None, "no two groups have 30 rows")
    assert "left out for too few rows: rare" in result.text


def test_a_condition_has_two_groups_and_a_column_one_for_each_value() -> None:
    frame = pd.DataFrame({"orders.size": [1, 7, None], "orders.city": ["Bonn", "Bonn", None]})
    groups = {name: mask.tolist() for name, mask in groups_of("large", "size > 5", "orders", frame).items()}
    assert groups == {"large": [False, True, False], "not large": [True, False, False], "missing": [False, False, True]}
    groups = {name: mask.tolist() for name, mask in groups_of("city", "city", "orders", frame).items()}
    assert groups == {"Bonn": [True, True, False], "missing": [False, False, True]}
    empty = frame.assign(**{"orders.city": pd.Series([None] * 3, dtype=object)})
    assert groups_of("city", "city", "orders", empty)["missing"].tolist() == [True, True, True]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    keep_snapshots(monkeypatch, {"s": snapshot(count=900)})
    text = LATE_PARCEL.replace("gates: {", 'gates: {selection_rate_difference: "<= 0.1", ') + PROTECTED
    return shop_project(tmp_path, models__late_parcel=text)


def evaluated(project: Project) -> tuple[Any, EvaluationManifest]:
    trained = train_model(project, "late_parcel", "s").artifact
    return trained, EvaluationManifest.of(evaluate_model(project, "late_parcel", trained.id, "s", None).artifact)


@pytest.mark.slow
def test_an_unfair_version_misses_its_gate_and_the_evaluation_names_the_groups(project: Project) -> None:
    trained, about = evaluated(project)
    rows = snapshot(count=900).part("test")
    acted = (load_predictor(project, trained).predict(rows)["action"] == "upgrade").to_numpy()
    expected = demographic_parity_difference(rows["label"], acted, sensitive_features=rows["orders.courier"])
    odds = [
        equalized_odds_difference(rows["label"], acted, sensitive_features=group)
        for group in (rows["orders.courier"], rows["orders.items"] > 4)
    ]
    assert expected > 0.5  # late couriers get more upgrades
    assert about.figures["selection_rate_difference"] == pytest.approx(expected, abs=1e-12)
    assert about.figures["equalized_odds_difference"] == pytest.approx(max(odds), abs=1e-12)
    assert about.figures["selection_rate_difference_low"] < expected < about.figures["selection_rate_difference_high"]
    (gate,) = (gate for gate in about.gates if gate.name == "selection_rate_difference")
    assert not gate.passed
    assert about.verdict == "keep"
    assert any(note.startswith("rows acted on by courier: ") and "di " in note for note in about.notes)
    assert [result.name for result in about.fairness] == ["courier", "large"]


@pytest.mark.slow
def test_without_a_protected_column_the_evaluation_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_snapshots(monkeypatch, {"s": snapshot()})
    _, about = evaluated(shop_project(tmp_path))
    assert "fairness" not in about.as_json()
    assert not any("difference" in name for name in about.figures)


@pytest.mark.parametrize(
    ("model", "text", "message"),
    [
        ("late_parcel", f"{LATE_PARCEL}protected: {{who: nobody}}\n", r"nobody"),
        ("lateness", f"{LATENESS}protected: {{courier: courier}}\n", r"this task has none\. Remove protected"),
        (
            "late_parcel",
            LATE_PARCEL.replace("gates: {", 'gates: {equalized_odds_difference: "<= 0.1", '),
            r"equalized_odds_difference is not a figure of a binary model",
        ),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, model: str, text: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        shop_project(tmp_path, **{f"models__{model}": text})

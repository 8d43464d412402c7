from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.core.statistics.ranking import auc
from ml_platform.declarations.metric_names import METRICS, headline_metric, known_figures, loss_quantile
from ml_platform.declarations.model import ModelSpec
from ml_platform.registry.evaluation.metrics import (
    average_precision,
    binary_metrics,
    calibration_bins,
    calibration_error,
    metrics_of,
    multiclass_metrics,
    quantile_metrics,
    regression_metrics,
)

LABELS_AND_SCORES = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=60).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


def _arrays(rows):
    label = np.array([float(label) for label, _ in rows])
    return label, np.array([score / 8 for _, score in rows])


@pytest.mark.slow
@given(LABELS_AND_SCORES)
@settings(max_examples=150, deadline=None)
def test_binary_metrics_are_those_of_scikit_learn_also_with_ties(rows):
    from sklearn import metrics

    label, scores = _arrays(rows)
    assert auc(label, scores) == pytest.approx(metrics.roc_auc_score(label, scores))
    assert average_precision(label, scores) == pytest.approx(metrics.average_precision_score(label, scores))
    actual = binary_metrics(label, scores)
    assert actual["brier"] == pytest.approx(metrics.brier_score_loss(label, scores))
    assert actual["log_loss"] == pytest.approx(metrics.log_loss(label, scores))
    assert actual["accuracy"] == pytest.approx(metrics.accuracy_score(label, scores >= 0.5))


def test_auc_counts_the_pairs_in_the_right_order():
    # Of the four pairs (1, 0): 0.9 > 0.1, 0.9 > 0.5, 0.5 > 0.1 are right, and 0.5 against 0.5 counts half.
    assert auc(np.array([1, 1, 0, 0]), np.array([0.9, 0.5, 0.5, 0.1])) == 3.5 / 4


def test_auc_and_average_precision_of_one_class_have_no_value():
    assert auc(np.zeros(3), np.array([0.1, 0.2, 0.3])) is None
    assert average_precision(np.zeros(3), np.array([0.1, 0.2, 0.3])) is None


def test_a_rule_that_is_certain_and_wrong_has_a_finite_log_loss():
    assert np.isfinite(binary_metrics(np.array([1.0, 0.0]), np.array([0.0, 0.0]))["log_loss"])


def test_multiclass_metrics_are_those_of_scikit_learn():
    from sklearn import metrics

    draw = np.random.default_rng(3)
    scores = draw.dirichlet(np.ones(4), size=200)
    label = draw.integers(0, 4, 200).astype(float)
    actual = multiclass_metrics(label, scores)
    assert actual["log_loss"] == pytest.approx(metrics.log_loss(label, scores))
    assert actual["accuracy"] == pytest.approx(metrics.accuracy_score(label, scores.argmax(axis=1)))


def test_a_class_that_training_did_not_know_is_never_predicted_right():
    metrics = multiclass_metrics(np.array([-1.0, 1.0]), np.array([[0.9, 0.1], [0.1, 0.9]]))
    assert metrics["accuracy"] == 0.5
    assert metrics["log_loss"] > 15


def test_regression_metrics_are_those_of_scikit_learn():
    from sklearn import metrics

    draw = np.random.default_rng(4)
    label = draw.normal(10, 5, 300)
    scores = label + draw.normal(1, 2, 300)
    actual = regression_metrics(label, scores)
    assert actual["mae"] == pytest.approx(metrics.mean_absolute_error(label, scores))
    assert actual["rmse"] == pytest.approx(metrics.root_mean_squared_error(label, scores))
    assert actual["r2"] == pytest.approx(metrics.r2_score(label, scores))
    assert actual["bias"] == pytest.approx(float((scores - label).mean()))


def test_r2_of_a_constant_label_has_no_value():
    assert regression_metrics(np.ones(3), np.array([1.0, 2.0, 3.0]))["r2"] is None


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_pinball_loss_is_that_of_scikit_learn_and_coverage_counts_labels_below(level):
    from sklearn import metrics

    draw = np.random.default_rng(5)
    label, scores = draw.normal(size=200), draw.normal(size=200)
    actual = quantile_metrics(label, scores, level)
    assert actual["pinball"] == pytest.approx(metrics.mean_pinball_loss(label, scores, alpha=level))
    assert actual["coverage"] == pytest.approx((label <= scores).sum() / 200)


def test_calibration_error_of_two_bins_worked_out_by_hand():
    label = np.array([0.0] * 4 + [1.0, 1.0, 0.0, 1.0])
    scores = np.array([0.1] * 4 + [0.6] * 4)
    # Scores 0.1 against a share of 0.0, and 0.6 against 0.75: (4 * 0.1 + 4 * 0.15) / 8.
    assert calibration_error(label, scores) == pytest.approx(0.125)
    assert [item.rows for item in calibration_bins(label, scores)] == [4, 4]


def test_calibration_bins_of_one_score_are_one_bin():
    (only,) = calibration_bins(np.array([0.0, 1.0]), np.array([0.3, 0.3]))
    assert only.score == pytest.approx(0.3)
    assert (only.share, only.rows) == (0.5, 2)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "quantile"])
def test_every_figure_that_a_gate_may_name_is_reported(task):
    label = np.array([0.0, 1.0, 1.0, 0.0])
    scores = np.array([[0.4, 0.6]] * 4) if task == "multiclass" else np.array([0.2, 0.8, 0.4, 0.6])
    quantile = 0.5 if task == "quantile" else None
    assert set(metrics_of(task, label, scores, quantile)) == set(METRICS[task])


def model_of(task, algorithm, quantile=None):
    value: dict[str, Any] = {"payoff": "label", "do_nothing": "0"}
    if task == "binary":
        value = {"actions": {"act": "label", "wait": "0"}, "do_nothing": "wait"}
    declared = {
        "spec_version": 1,
        "name": "m",
        "description": "d",
        "owner": "team:t",
        "task": task,
        "quantile": quantile,
        "population": {"source": "a", "entity": "e", "prediction_time": "t"},
        "label": {"source": "a", "expression": "x", "horizon": "1d"},
        "features": ["a.x"],
        "split": {"train": "1d", "validate": "1d", "test": "1d"},
        "algorithm": algorithm,
        "value": value,
        "deployment": {"batch": "0 * * * * UTC"},
        "monitoring": {"window": "1d"},
    }
    return ModelSpec.model_validate(declared)


@pytest.mark.parametrize(
    ("task", "algorithm", "quantile", "level", "headline"),
    [
        ("regression", {"name": "lightgbm", "params": {"objective": "quantile", "alpha": 0.7}}, None, 0.7, "pinball"),
        ("regression", {"name": "lightgbm", "params": {"objective": "quantile"}}, None, 0.9, "pinball"),
        ("regression", {"name": "gradient_boosting", "params": {"loss": "quantile"}}, None, 0.9, "pinball"),
        (
            "regression",
            {"name": "hist_gradient_boosting", "params": {"loss": "quantile", "quantile": 0.2}},
            None,
            0.2,
            "pinball",
        ),
        ("regression", {"name": "lightgbm", "params": {"objective": "regression_l1"}}, None, None, "mae"),
        ("regression", "ridge", None, None, "rmse"),
        ("regression", {"name": "ridge", "params": {"alpha": 0.5}}, None, None, "rmse"),
        ("quantile", "lightgbm", 0.8, 0.8, "pinball"),
        ("binary", "lightgbm", None, None, "auc"),
    ],
)
def test_a_model_of_numbers_is_judged_by_the_loss_that_it_is_fitted_to(task, algorithm, quantile, level, headline):
    model = model_of(task, algorithm, quantile)
    assert loss_quantile(model) == level
    assert headline_metric(model) == headline
    assert {"pinball", "coverage"} <= known_figures(model) or level is None


def test_a_regression_that_is_fitted_to_a_quantile_has_the_pinball_loss_of_scikit_learn():
    from sklearn import metrics

    draw = np.random.default_rng(6)
    label, scores = draw.normal(size=200), draw.normal(size=200)
    actual = metrics_of("regression", label, scores, 0.7)
    assert actual["pinball"] == pytest.approx(metrics.mean_pinball_loss(label, scores, alpha=0.7))
    assert actual["rmse"] == pytest.approx(metrics.root_mean_squared_error(label, scores))

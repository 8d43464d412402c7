import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.evaluation.metrics import (
    auc,
    average_precision,
    binary_metrics,
    calibration_bins,
    calibration_error,
    metrics_of,
    multiclass_metrics,
    quantile_metrics,
    regression_metrics,
)
from ml_platform.spec.figures import METRICS

LABELS_AND_SCORES = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=60).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


def _arrays(rows):
    label = np.array([float(label) for label, _ in rows])
    return label, np.array([score / 8 for _, score in rows])


@given(LABELS_AND_SCORES)
@settings(max_examples=150, deadline=None)
def test_binary_metrics_are_those_of_scikit_learn_also_with_ties(rows):
    from sklearn import metrics

    label, scores = _arrays(rows)
    assert auc(label, scores) == pytest.approx(metrics.roc_auc_score(label, scores))
    assert average_precision(label, scores) == pytest.approx(metrics.average_precision_score(label, scores))
    found = binary_metrics(label, scores)
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(label, scores))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(label, scores))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(label, scores >= 0.5))


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
    found = multiclass_metrics(label, scores)
    assert found["log_loss"] == pytest.approx(metrics.log_loss(label, scores))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(label, scores.argmax(axis=1)))


def test_a_class_that_training_did_not_know_is_never_predicted_right():
    found = multiclass_metrics(np.array([-1.0, 1.0]), np.array([[0.9, 0.1], [0.1, 0.9]]))
    assert found["accuracy"] == 0.5
    assert found["log_loss"] > 15


def test_regression_metrics_are_those_of_scikit_learn():
    from sklearn import metrics

    draw = np.random.default_rng(4)
    label = draw.normal(10, 5, 300)
    scores = label + draw.normal(1, 2, 300)
    found = regression_metrics(label, scores)
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(label, scores))
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(label, scores))
    assert found["r2"] == pytest.approx(metrics.r2_score(label, scores))
    assert found["bias"] == pytest.approx(float((scores - label).mean()))


def test_r2_of_a_constant_label_has_no_value():
    assert regression_metrics(np.ones(3), np.array([1.0, 2.0, 3.0]))["r2"] is None


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_pinball_loss_is_that_of_scikit_learn_and_coverage_counts_labels_below(level):
    from sklearn import metrics

    draw = np.random.default_rng(5)
    label, scores = draw.normal(size=200), draw.normal(size=200)
    found = quantile_metrics(label, scores, level)
    assert found["pinball"] == pytest.approx(metrics.mean_pinball_loss(label, scores, alpha=level))
    assert found["coverage"] == pytest.approx((label <= scores).sum() / 200)


def test_calibration_error_of_two_bins_worked_out_by_hand():
    label = np.array([0.0] * 4 + [1.0, 1.0, 0.0, 1.0])
    scores = np.array([0.1] * 4 + [0.6] * 4)
    # Scores 0.1 against a share of 0.0, and 0.6 against 0.75: (4 * 0.1 + 4 * 0.15) / 8.
    assert calibration_error(label, scores) == pytest.approx(0.125)
    assert [item["rows"] for item in calibration_bins(label, scores)] == [4, 4]


def test_calibration_bins_of_one_score_are_one_bin():
    assert calibration_bins(np.array([0.0, 1.0]), np.array([0.3, 0.3])) == [
        {"score": pytest.approx(0.3), "share": 0.5, "rows": 2}
    ]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "quantile"])
def test_every_figure_that_a_gate_may_name_is_reported(task):
    label = np.array([0.0, 1.0, 1.0, 0.0])
    scores = np.array([[0.4, 0.6]] * 4) if task == "multiclass" else np.array([0.2, 0.8, 0.4, 0.6])
    assert set(metrics_of(task, label, scores, 0.5)) == set(METRICS[task])

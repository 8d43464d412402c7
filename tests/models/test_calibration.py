import numpy as np
import pytest
from scipy.special import expit, logit

from ml_platform.core.errors import TrainingError
from ml_platform.models.calibration import Calibration


def _overconfident(count=2000, seed=0):
    draw = np.random.default_rng(seed)
    truth = draw.normal(0, 1, count)
    label = (draw.random(count) < expit(truth)).astype("float64")
    return expit(2.5 * truth + 0.4), label


def test_the_sigmoid_is_that_of_scikit_learn_on_the_log_odds():
    from sklearn.calibration import _SigmoidCalibration

    scores, label = _overconfident()
    found = Calibration.fit("sigmoid", scores, label).apply(scores)
    oracle = _SigmoidCalibration().fit(logit(scores), label).predict(logit(scores))
    np.testing.assert_allclose(found, oracle, atol=1e-5)


def test_the_sigmoid_recovers_what_was_distorted():
    scores, label = _overconfident(20_000)
    (curve,) = Calibration.fit("sigmoid", scores, label).curves
    assert curve.first[0] == pytest.approx(1 / 2.5, abs=0.02)
    assert curve.second[0] == pytest.approx(-0.4 / 2.5, abs=0.03)


def test_isotonic_is_that_of_scikit_learn():
    from sklearn.isotonic import IsotonicRegression

    scores, label = _overconfident()
    new = np.random.default_rng(9).random(300)
    oracle = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, label).predict(new)
    np.testing.assert_allclose(Calibration.fit("isotonic", scores, label).apply(new), oracle, atol=1e-12)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_several_classes_still_sum_to_one(method):
    draw = np.random.default_rng(1)
    scores, label = draw.dirichlet(np.ones(3), 400), draw.integers(0, 3, 400).astype("float64")
    found = Calibration.fit(method, scores, label).apply(scores)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_separable_validate_stretch_gives_a_finite_sigmoid():
    scores, label = np.r_[np.full(20, 0.1), np.full(20, 0.9)], np.r_[np.zeros(20), np.ones(20)]
    found = Calibration.fit("sigmoid", scores, label).apply(np.array([0.0, 0.1, 0.9, 1.0]))
    assert np.isfinite(found).all()
    assert found[1] < 0.1 < 0.9 < found[2]


def test_no_calibration_leaves_scores_as_they_are():
    scores = np.array([0.2, 0.7])
    assert Calibration.fit("none", scores, np.array([0.0, 1.0])).apply(scores) is scores


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_curves_come_back_from_a_manifest_with_the_same_bits(method):
    scores, label = _overconfident()
    fitted = Calibration.fit(method, scores, label)
    again = Calibration.from_json(fitted.to_json())
    np.testing.assert_array_equal(again.apply(scores), fitted.apply(scores))


def test_a_validate_stretch_of_one_class_is_refused():
    with pytest.raises(
        TrainingError, match="needs 10 rows and every class in the validate stretch, found 12 rows, 0 of"
    ):
        Calibration.fit("sigmoid", np.linspace(0, 1, 12), np.zeros(12))

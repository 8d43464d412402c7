import numpy as np
import pytest
from scipy.special import expit, logit

from ml_platform.core.errors import TrainingError, UntrustedContent
from ml_platform.models.calibration import Calibration

METHODS = ["beta", "isotonic", "sigmoid", "venn_abers"]


def _overconfident(count=2000, seed=0):
    draw = np.random.default_rng(seed)
    truth = draw.normal(0, 1, count)
    label = (draw.random(count) < expit(truth)).astype("float64")
    return expit(2.5 * truth + 0.4), label


def test_the_sigmoid_is_that_of_scikit_learn_on_the_log_odds():
    from sklearn.calibration import _SigmoidCalibration

    scores, label = _overconfident()
    applied = Calibration.fit("sigmoid", scores, label).apply(scores)
    oracle = _SigmoidCalibration().fit(logit(scores), label).predict(logit(scores))
    np.testing.assert_allclose(applied, oracle, atol=1e-5)


def test_the_sigmoid_recovers_what_was_distorted():
    scores, label = _overconfident(20_000)
    ((_, (slope,), (offset,)),) = Calibration.fit("sigmoid", scores, label).to_json()
    assert slope == pytest.approx(1 / 2.5, abs=0.02)
    assert offset == pytest.approx(-0.4 / 2.5, abs=0.03)


def test_isotonic_is_that_of_scikit_learn():
    from sklearn.isotonic import IsotonicRegression

    scores, label = _overconfident()
    new = np.random.default_rng(9).random(300)
    oracle = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, label).predict(new)
    np.testing.assert_allclose(Calibration.fit("isotonic", scores, label).apply(new), oracle, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_several_classes_still_sum_to_one(method):
    draw = np.random.default_rng(1)
    scores, label = draw.dirichlet(np.ones(3), 400), draw.integers(0, 3, 400).astype("float64")
    applied = Calibration.fit(method, scores, label).apply(scores)
    np.testing.assert_allclose(applied.sum(axis=1), 1.0)


def test_a_separable_validate_stretch_gives_a_finite_sigmoid():
    scores, label = np.r_[np.full(20, 0.1), np.full(20, 0.9)], np.r_[np.zeros(20), np.ones(20)]
    applied = Calibration.fit("sigmoid", scores, label).apply(np.array([0.0, 0.1, 0.9, 1.0]))
    assert np.isfinite(applied).all()
    assert applied[1] < 0.1 < 0.9 < applied[2]


def test_no_calibration_leaves_scores_as_they_are():
    scores = np.array([0.2, 0.7])
    assert Calibration.fit("none", scores, np.array([0.0, 1.0])).apply(scores) is scores


@pytest.mark.parametrize("method", METHODS)
def test_curves_come_back_from_a_manifest_with_the_same_bits(method):
    scores, label = _overconfident()
    fitted = Calibration.fit(method, scores, label)
    restored = Calibration.from_json(fitted.to_json())
    np.testing.assert_array_equal(restored.apply(scores), fitted.apply(scores))


def test_a_validate_stretch_of_one_class_is_refused():
    with pytest.raises(
        TrainingError, match="needs 10 rows and every class in the validate period, found 12 rows, 0 of"
    ):
        Calibration.fit("sigmoid", np.linspace(0, 1, 12), np.zeros(12))


def test_curves_of_a_store_written_before_are_read_as_they_were() -> None:
    """What a manifest kept when both methods were one class: name, slope and offset, or the corners of a line."""
    stored = [["sigmoid", [0.5], [-0.25]], ["isotonic", [0.2, 0.4, 0.8], [0.0, 0.5, 1.0]]]
    restored = Calibration.from_json(stored)
    assert restored.to_json() == stored
    sigmoid, isotonic = (curve.apply(np.array([0.3, 0.9])) for curve in restored.curves)
    np.testing.assert_allclose(sigmoid, expit(0.5 * logit([0.3, 0.9]) - 0.25), rtol=1e-12)
    np.testing.assert_allclose(isotonic, [0.25, 1.0], rtol=1e-12)


def test_a_stored_calibrator_that_is_not_installed_is_named() -> None:
    with pytest.raises(
        UntrustedContent, match=r"calibrated by 'spline', which does not exist here\. Install the package"
    ):
        Calibration.from_json([["spline", [1.0], [0.0]]])


def _brier_by_hand(method, scores, label, order):
    """Each fifth of the rows, in order of time, by curves of the other four."""
    losses = np.zeros(len(label))
    for part in np.array_split(np.asarray(order), 5):
        rest = np.setdiff1d(np.arange(len(label)), part)
        fitted = Calibration.fit(method, scores[rest], label[rest])
        for row in part:
            losses[row] = (fitted.apply(scores[[row]])[0] - label[row]) ** 2
    return losses


def test_the_chosen_calibration_has_the_least_brier_score_on_rows_it_was_not_fitted_on():
    scores, label = _overconfident(400)
    times = np.random.default_rng(3).permutation(400)
    losses = {name: _brier_by_hand(name, scores, label, np.argsort(times)) for name in ("none", *METHODS)}
    chosen = Calibration.fit("choose", scores, label, times)
    assert min(losses, key=lambda name: losses[name].mean()) == "sigmoid"  # what distorted them is a sigmoid
    assert chosen == Calibration.fit("sigmoid", scores, label)
    figures = ", ".join(f"{name} {loss.mean():.5f}" for name, loss in losses.items())
    why = "its Brier score is the least on parts of the validate period"
    assert chosen.notes == (f"calibration sigmoid was chosen: {why} ({figures})",)


def test_scores_that_are_right_already_mostly_stay_as_they_are():
    kept = 0
    for seed in range(30):
        draw = np.random.default_rng(seed)
        scores = draw.random(600)
        kept += Calibration.fit("choose", scores, (draw.random(600) < scores).astype("float64")).curves == ()
    assert kept >= 21


def test_the_rows_that_a_step_line_was_fitted_on_do_not_judge_it():
    """On its own rows it always looks better than none; on other rows of pure noise it seldom does."""
    chosen = 0
    for seed in range(30):
        draw = np.random.default_rng(seed)
        scores, label = np.full(150, 0.5) + draw.normal(0, 0.01, 150), (draw.random(150) < 0.5).astype("float64")
        applied = Calibration.fit("isotonic", scores, label).apply(scores)
        assert ((applied - label) ** 2).mean() < ((scores - label) ** 2).mean()
        chosen += [curve.name for curve in Calibration.fit("choose", scores, label).curves] == ["isotonic"]
    assert chosen <= 6


def test_several_classes_are_chosen_for_together():
    draw = np.random.default_rng(4)
    truth = draw.dirichlet(np.ones(3), 3000)
    label = np.array([draw.choice(3, p=share) for share in truth]).astype("float64")
    sharp = truth**3 / (truth**3).sum(axis=1, keepdims=True)
    chosen = Calibration.fit("choose", sharp, label)
    assert len(chosen.curves) == 3
    np.testing.assert_allclose(chosen.apply(sharp).sum(axis=1), 1.0)


def test_where_nothing_can_be_fitted_scores_stay_as_they_are():
    chosen = Calibration.fit("choose", np.array([0.2, 0.7, 0.4]), np.array([0.0, 1.0, 0.0]))
    assert chosen.curves == ()

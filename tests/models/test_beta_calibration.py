"""Beta calibration against a plain bounded minimization of its log loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from ml_platform.models.calibrators.beta import Beta

CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "power": lambda scores: scores**1.5,
    "falling": lambda scores: 1 - scores,
    "flat": lambda scores: np.full(len(scores), 0.4),
    "bent": lambda scores: np.where(scores < 0.5, 0.3 + 0.4 * scores, 0.9 - 0.4 * scores),
    "right": lambda scores: scores,
    "high_end": lambda scores: np.where(scores > 0.7, scores, 0.35),
    "low_end": lambda scores: np.where(scores < 0.3, scores, 0.65),
}


def drawn(curve: str, count: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    scores = draw.random(count)
    return scores, draw.random(count) < CURVES[curve](scores)


def loss_by_hand(parameters: np.ndarray, scores: np.ndarray, positive: np.ndarray) -> float:
    a, b, c = parameters
    count, total = positive.sum(), 0.0
    for score, is_one in zip(scores, positive, strict=True):
        target = (count + 1) / (count + 2) if is_one else 1 / (len(scores) - count + 2)
        odds = a * np.log(score) - b * np.log(1 - score) + c
        total += np.logaddexp(0, odds) - target * odds
    return float(total)


def best_by_hand(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    bounds = [(0, None), (0, None), (None, None)]
    minimum = minimize(
        loss_by_hand,
        [1.0, 1.0, 0.0],
        args=(scores, positive),
        bounds=bounds,
        options={"ftol": 1e-14, "gtol": 1e-8},
    )
    return np.asarray(minimum.x)


@pytest.mark.parametrize("curve", CURVES)
def test_the_curve_is_the_best_that_never_falls(curve: str) -> None:
    scores, positive = drawn(curve, 600)
    fitted = Beta.fit(scores, positive)
    best = best_by_hand(scores, positive)
    reached = loss_by_hand(np.array([fitted.a, fitted.b, fitted.c]), scores, positive)
    assert fitted.a >= 0
    assert fitted.b >= 0
    assert reached <= loss_by_hand(best, scores, positive) + 1e-7
    by_hand = expit(best[0] * np.log(scores) - best[1] * np.log(1 - scores) + best[2])
    np.testing.assert_allclose(fitted.apply(scores), by_hand, atol=2e-4)
    assert (np.diff(fitted.apply(np.linspace(0, 1, 200))) >= 0).all()


def test_the_worlds_reach_both_edges_and_the_corner() -> None:
    """Without them the constraint would be tested nowhere."""
    fitted = {curve: Beta.fit(*drawn(curve, 600)) for curve in CURVES}
    signs = {(beta.a > 0, beta.b > 0) for beta in fitted.values()}
    assert signs == {(True, True), (True, False), (False, True), (False, False)}


def test_a_beta_distortion_is_recovered() -> None:
    """Scores of two classes that are beta distributed have a curve of this form: Kull (2017), section 4."""
    draw = np.random.default_rng(2)
    positive = draw.random(60_000) < 0.5
    scores = np.where(positive, draw.beta(3.0, 1.5, 60_000), draw.beta(1.0, 2.0, 60_000))
    fitted = Beta.fit(scores, positive)
    assert fitted.a == pytest.approx(3.0 - 1.0, abs=0.06)
    assert fitted.b == pytest.approx(2.0 - 1.5, abs=0.03)


@pytest.mark.parametrize(("kinds", "slopes"), [((0.3,), 1), ((0.3, 0.6), 2), ((0.1, 0.9, 0.5), 3)])
def test_few_distinct_scores_get_their_smoothed_shares(kinds: tuple[float, ...], slopes: int) -> None:
    scores = np.repeat(kinds, 40)
    positive = np.concatenate([np.arange(40) < 40 * kind for kind in kinds])
    fitted = Beta.fit(scores, positive)
    count = positive.sum()
    high, low = (count + 1) / (count + 2), 1 / (len(scores) - count + 2)
    for kind in kinds:
        share = np.where(positive[scores == kind], high, low).mean() if slopes > 1 else (count + 1) / (len(scores) + 2)
        assert fitted.apply_one(kind) == pytest.approx(share, abs=1e-3)
    assert (fitted.a == fitted.b) == (slopes < 3)


def test_scores_of_zero_and_one_and_separable_classes_stay_finite() -> None:
    scores, positive = np.r_[np.zeros(30), np.full(10, 0.4), np.ones(30)], np.r_[np.zeros(40), np.ones(30)] > 0
    applied = Beta.fit(scores, positive).apply(np.array([0.0, 0.4, 1.0]))
    assert np.isfinite(logit(applied)).all()
    assert applied[0] < 0.1 < 0.9 < applied[2]

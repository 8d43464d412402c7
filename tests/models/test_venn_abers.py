"""Venn-Abers calibration against its definition: two isotonic regressions for each new score."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from ml_platform.models.calibration import Calibration
from ml_platform.models.calibrators.venn_abers import VennAbers

ROWS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]), st.booleans()), min_size=1, max_size=25
)
NEW = [-0.5, 0.0, 0.05, 0.1, 0.3, 0.5, 0.6, 0.75, 0.95, 1.0, 2.0]


def by_definition(scores: np.ndarray, positive: np.ndarray, new: float) -> float:
    pair = []
    for outcome in (0.0, 1.0):
        line = IsotonicRegression().fit(np.r_[scores, new], np.r_[positive.astype(float), outcome])
        pair.append(float(line.predict([new])[0]))
    return pair[1] / (1 - pair[0] + pair[1])


@pytest.mark.slow
@settings(deadline=None)
@given(ROWS)
def test_each_score_has_the_merge_of_two_isotonic_regressions(rows: list[tuple[float, bool]]) -> None:
    scores, positive = np.array([score for score, _ in rows]), np.array([is_one for _, is_one in rows])
    fitted = VennAbers.fit(scores, positive)
    expected = [by_definition(scores, positive, new) for new in NEW]
    np.testing.assert_allclose(fitted.apply(np.array(NEW)), expected, atol=1e-12)


@settings(deadline=None)
@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_decide_the_state(rows: list[tuple[float, bool]], random: object) -> None:
    mixed = [*rows]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    first, second = (
        VennAbers.fit(np.array([score for score, _ in order]), np.array([is_one for _, is_one in order]))
        for order in (rows, mixed)
    )
    assert first.state() == second.state()
    for corners, values in ((first.lower_scores, first.lower), (first.upper_scores, first.upper)):
        assert list(corners) == sorted(set(corners))
        assert list(values) == sorted(set(values))  # each corner is a change
        for value in values:  # the nearest float of a ratio of counts
            assert value == float(Fraction(value).limit_denominator(len(rows) + 1))


def test_large_counts_agree_with_the_definition() -> None:
    draw = np.random.default_rng(5)
    scores = draw.random(5000)
    positive = draw.random(5000) < scores**2
    fitted = VennAbers.fit(scores, positive)
    for new in draw.random(40):
        assert abs(fitted.apply_one(float(new)) - by_definition(scores, positive, float(new))) < 1e-9


def test_one_score_has_the_bits_of_many_also_at_corners_and_where_it_is_unknown() -> None:
    draw = np.random.default_rng(6)
    scores = np.round(draw.random(800), 2)
    fitted = VennAbers.fit(scores, draw.random(800) < scores)
    asked = np.r_[
        scores, draw.random(500), 0.0, 1.0, np.nextafter(scores[:50], 0), np.nextafter(scores[:50], 1), np.nan
    ]
    many = fitted.apply(asked)
    alone = np.array([fitted.apply_one(float(score)) for score in asked])
    np.testing.assert_array_equal(many.view("int64"), alone.view("int64"))
    assert np.isnan(many[-1])
    assert not np.isnan(many[:-1]).any()


def test_both_answers_bound_the_isotonic_share() -> None:
    draw = np.random.default_rng(7)
    scores = draw.random(400)
    positive = draw.random(400) < scores
    shares = Calibration.fit("isotonic", scores, positive.astype(float)).apply(np.sort(scores))
    fitted = VennAbers.fit(scores, positive)
    for score, share in zip(np.sort(scores), shares, strict=True):
        below = max([0.0, *(value for at, value in zip(fitted.lower_scores, fitted.lower, strict=True) if at <= score)])
        above = min([1.0, *(value for at, value in zip(fitted.upper_scores, fitted.upper, strict=True) if at >= score)])
        assert below <= share + 1e-12
        assert share <= above + 1e-12


def test_no_answer_is_certain() -> None:
    """The shares of isotonic regression are 0 and 1 at the ends; a new row can always be of the other class."""
    scores, positive = np.linspace(0, 1, 50), np.arange(50) >= 25
    applied = VennAbers.fit(scores, positive).apply(scores)
    assert 0 < applied.min() < 0.05
    assert 0.95 < applied.max() < 1

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.core.statistics.moments import center_and_scale, exact_total, is_constant
from ml_platform.datasets.leakage.single_feature import CheckedColumn, Strength, number_strength
from ml_platform.models.calibration import Calibration
from ml_platform.operations.monitoring.realized_value import _total

FLOATS = st.floats(-1e300, 1e300)


@given(st.lists(FLOATS, max_size=30))
def test_a_total_is_the_exact_sum_rounded_once_in_any_order(values):
    expected = float(sum(map(Fraction, values)))
    assert exact_total(np.array(values)) == exact_total(np.array(values[::-1])) == expected


def test_a_total_beyond_the_largest_float_is_infinite():
    assert exact_total(np.array([1.7e308, 1.7e308])) == math.inf
    assert exact_total(np.array([1.7e308, 1.7e308, -1.7e308])) == 1.7e308


def test_realized_value_keeps_small_payoffs():
    assert _total(pd.Series([1e-7, 2e-7])) == 3e-7  # rounded to millionths it was 0
    assert _total(pd.Series([1e16, 1.0, -1e16])) == 1.0


@pytest.mark.parametrize(("values", "constant"), [([], True), ([0.1] * 7, True), ([1.0, 1.0 + 2e-16], True)])
def test_equal_up_to_rounding_is_constant(values, constant):
    assert is_constant(np.array(values)) is constant


@pytest.mark.parametrize("values", [[1.0, 1.0 + 1e-12], [0.0, 5e-324], [-1.7e308, 1.7e308], [1e15, 1e15 + 1]])
def test_what_varies_is_not_constant(values):
    assert not is_constant(np.array(values))


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_center_and_scale_are_mean_and_deviation(values):
    center, scale = center_and_scale(np.array(values))
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    assert center == pytest.approx(float(mean), rel=1e-12, abs=1e-9)
    if max(values) - min(values) > 1e-3:
        variance = sum((value - mean) ** 2 for value in exact) / len(exact)
        assert scale == pytest.approx(math.sqrt(variance), rel=1e-6)


def test_a_constant_feature_has_no_effect_on_a_number():
    label = np.linspace(0.0, 1.0, 100)
    codes = np.zeros(100, dtype=int)
    values = np.where(np.arange(100) > 50, 0.3, 0.1 + 0.2)  # equal numbers, up to rounding, sorted as the label is
    strength = number_strength(CheckedColumn(codes, codes, values, values), label, label, np.arange(100))
    assert strength == Strength(0.0, 0.0)


def test_equal_scores_are_calibrated_to_the_smoothed_share_of_the_class():
    label = np.array([1.0] * 3 + [0.0] * 17)
    curve = Calibration.fit("sigmoid", np.full(20, 0.3), label)
    assert curve.apply(np.array([0.3]))[0] == pytest.approx(4 / 22)
    odds = 0.31 / 0.69 * (4 / 18) / (0.3 / 0.7)  # the log-odds of another score are as far away as they were
    assert curve.apply(np.array([0.31]))[0] == pytest.approx(odds / (1 + odds))

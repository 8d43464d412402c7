"""Sums of a few exact terms: what two floats prove is what Python's fractions give, and what they cannot, they say."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.core.engines.double_doubles import nearest_spreads, nearest_sums
from ml_platform.core.engines.float_limbs import SQUARE_UNITS, SUM_UNITS

WHOLE = st.integers(-(2**53), 2**53) | st.sampled_from([0, 0, 1, -1, 2**52, 2**53, -(2**53), 2**39, 3 * 2**38])


def columns_of(rows: list[list[float]]) -> list[np.ndarray]:
    return [np.array(column) for column in zip(*rows, strict=True)]


def exact(terms: list[float]) -> Fraction:
    return sum(map(Fraction, terms), Fraction(0))


def rows_of(units: tuple[int, ...], least: int) -> st.SearchStrategy[list[list[float]]]:
    def of(chosen: tuple[int, ...]) -> st.SearchStrategy[list[list[float]]]:
        row = st.tuples(*[WHOLE.map((2.0**unit).__mul__) for unit in chosen]).map(list)
        return st.lists(row, min_size=1, max_size=20)

    subsets = st.lists(st.sampled_from(units), min_size=least, max_size=len(units), unique=True)
    return subsets.map(lambda value: tuple(sorted(value, reverse=True))).flatmap(of)


@settings(max_examples=150, deadline=None)
@given(rows_of(SUM_UNITS, 1) | rows_of(SQUARE_UNITS, 1))
def test_a_sum_that_is_proved_is_the_nearest_float(rows: list[list[float]]) -> None:
    values, proved = nearest_sums(columns_of(rows))
    for row, value, is_proved in zip(rows, values.tolist(), proved.tolist(), strict=True):
        assert not is_proved or value == float(exact(row))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(rows_of(SUM_UNITS, 1), rows_of(SQUARE_UNITS, 1), st.integers(2, 2**40))
def test_a_spread_that_is_proved_is_the_nearest_float(
    sums: list[list[float]], squares: list[list[float]], count: int
) -> None:
    size = min(len(sums), len(squares))
    sums, squares = sums[:size], squares[:size]
    values, proved = nearest_spreads(np.full(size, float(count)), columns_of(sums), columns_of(squares))
    for row, row_of_squares, value, is_proved in zip(sums, squares, values.tolist(), proved.tolist(), strict=True):
        wanted = float(count * exact(row_of_squares) - exact(row) ** 2)
        assert not is_proved or value == wanted


def test_a_tie_is_proved_and_a_number_beside_it_that_two_floats_cannot_hold_is_not() -> None:
    half = 2.0**-53
    rows = [[1.0, half, 0.0], [1.0 + 2 * half, half, 0.0], [1.0, half, 2.0**-120], [1.0, half, -(2.0**-120)]]
    values, proved = nearest_sums(columns_of(rows))
    assert proved.tolist() == [True, True, False, False]
    assert values[:2].tolist() == [1.0, 1.0 + 4 * half]


@pytest.mark.slow
def test_nearly_all_sums_and_spreads_of_prices_are_proved() -> None:
    draw = random.Random(5)
    groups = [[round(draw.gauss(50, 20), 2) for _ in range(draw.randint(2, 40))] for _ in range(2_000)]
    sums, squares = [], []
    for group in groups:
        whole = sum(int(Fraction(value) * 2**80) for value in group)
        of_squares = sum(int(Fraction(value) ** 2 * 2**160) for value in group)
        sums.append([float(part) for part in cut(whole, SUM_UNITS[3:6])])
        squares.append([float(part) for part in cut(of_squares, SQUARE_UNITS[6:11])])
    values, proved = nearest_sums(columns_of(sums))
    assert proved.all()
    assert values.tolist() == [float(sum(map(Fraction, group))) for group in groups]
    counts = np.array([float(len(group)) for group in groups])
    values, proved = nearest_spreads(counts, columns_of(sums), columns_of(squares))
    assert proved.all()
    wanted = [
        len(group) * sum(Fraction(value) ** 2 for value in group) - sum(map(Fraction, group)) ** 2 for group in groups
    ]
    assert values.tolist() == [float(value) for value in wanted]


def cut(whole: int, units: tuple[int, ...]) -> list[Fraction]:
    """Cut a count of the lowest unit into digits of 40 bits, the highest first."""
    digits = []
    for unit in units[:-1]:
        digits.append((whole & (2**40 - 1)) * Fraction(2) ** unit)
        whole >>= 40
    return [whole * Fraction(2) ** units[-1], *reversed(digits)]

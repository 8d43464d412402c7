"""The confidence sequence holds at every moment, and sees a difference that is there."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from ml_platform.core.statistics.betting import MeanNow, mean_so_far

ROWS, TRIES, CONFIDENCE = 2000, 300, 0.95
Draw = Callable[[np.random.Generator, float], np.ndarray]


def offers(gain: int) -> Draw:
    """Return what draws a gain that is rare, against a cost of 1; its mean is `edge`."""

    def draw(drawn: np.random.Generator, edge: float) -> np.ndarray:
        return np.where(drawn.random(ROWS) < (1 + edge) / (gain + 1), float(gain), -1.0)

    return draw


WORLDS: dict[str, tuple[Draw, float, float]] = {
    "as often": (lambda drawn, edge: np.where(drawn.random(ROWS) < (1 + edge) / 2, 1.0, -1.0), -1.0, 1.0),
    "8 against 1": (offers(8), -1.0, 8.0),
    "30 against 1": (offers(30), -1.0, 30.0),
    "100 against 1": (offers(100), -1.0, 100.0),
    "even, seen through wide bounds": (lambda drawn, edge: drawn.uniform(-1, 1, ROWS) + edge, -50.0, 50.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_equal_versions_differ_no_more_often_than_declared_with_a_look_at_every_row(world: str) -> None:
    draw, low, high = WORLDS[world]
    drawn = np.random.default_rng(7)
    means = [mean_so_far(draw(drawn, 0.0), low, high, CONFIDENCE) for _ in range(TRIES)]
    wrong = sum(item.above or item.below for item in means)
    # with the true rate at its limit of 5 %, more than 26 of 300 come with probability 0.003
    assert wrong <= 26
    assert sum(not item.low <= 0 <= item.high for item in means) <= 26


@pytest.mark.slow
def test_a_look_at_every_row_is_what_one_call_does() -> None:
    values = WORLDS["8 against 1"][0](np.random.default_rng(3), 0.8)[:400]
    looks = [mean_so_far(values[:count], -1.0, 8.0, CONFIDENCE).above for count in range(1, len(values) + 1)]
    assert looks == sorted(looks)
    assert looks[-1]
    assert not looks[0]


@pytest.mark.slow
@pytest.mark.parametrize(("world", "edge"), [("as often", 0.3), ("8 against 1", 0.4), ("30 against 1", 1.0)])
def test_a_difference_is_seen_and_the_interval_holds_it(world: str, edge: float) -> None:
    draw, low, high = WORLDS[world]
    drawn = np.random.default_rng(11)
    means = [mean_so_far(draw(drawn, edge), low, high, CONFIDENCE) for _ in range(100)]
    assert sum(item.above for item in means) > 80
    assert sum(item.below for item in means) <= 5
    assert sum(item.low <= edge <= item.high for item in means) >= 90
    mirrored = [mean_so_far(-draw(drawn, edge), -high, -low, CONFIDENCE) for _ in range(100)]
    assert sum(item.below for item in mirrored) > 80


def capital(values: list[float], at: float, low: float, high: float) -> float:
    """Return the most capital of a bettor on a mean above `at`, value by value."""
    money, most, total, squares = 1.0, 1.0, 0.0, 0.0
    for value in values:
        bet = min(max(total / (squares + (high - low) ** 2 / 4), 0.0), 0.75 / (at - low))
        money *= 1 + bet * (value - at)
        most = max(most, money)
        total, squares = total + value - at, squares + (value - at) ** 2
    return most


def test_the_interval_ends_where_capital_reaches_its_goal() -> None:
    values = WORLDS["8 against 1"][0](np.random.default_rng(5), 1.0)
    means = mean_so_far(values, -1.0, 8.0, CONFIDENCE)
    assert means.mean == math.fsum(values) / ROWS
    assert capital(list(values), means.low - 1e-6, -1.0, 8.0) >= 40 - 1e-3
    assert capital(list(values), means.low + 1e-3, -1.0, 8.0) < 40
    assert means.low < means.mean < means.high


def test_nothing_is_known_of_no_values() -> None:
    assert mean_so_far(np.array([]), -1.0, 2.0, CONFIDENCE) == MeanNow(0, 0.0, -1.0, 2.0, above=False, below=False)

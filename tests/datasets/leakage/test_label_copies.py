"""Features that are the label in other clothes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_platform.datasets.leakage.label_copies import likeness

DRAW = np.random.default_rng(5)
DELAY = pd.Series(np.round(DRAW.normal(10, 30, 400), 1))
LATE = DELAY >= 30
LANE = pd.Series(np.array(["a", "b", "c"], dtype=object)[DRAW.integers(0, 3, 400)])


@pytest.mark.parametrize(
    ("feature", "truth", "expected"),
    [
        (DELAY.copy(), DELAY, "equal to"),
        (DELAY.mask(DELAY.index % 3 == 0), DELAY, "equal to"),  # a copy with holes
        (LATE.astype("boolean"), LATE, "equal to"),
        (LANE.copy(), LANE, "equal to"),
        (60 * DELAY + 5, DELAY, "in the order of"),  # in seconds, shifted
        (-(DELAY**3), DELAY, "in the order of"),
        (DELAY // 10, DELAY, "in the order of"),  # rounded
        (DELAY, LATE, "in the order of"),  # what the condition is about
        (pd.Series(DELAY.rank(pct=True)), DELAY, "in the order of"),
        (LANE.map({"a": 7, "b": 1, "c": 4}), LANE, "one to one with"),
        (LANE.map({"a": "north", "b": "east", "c": "west"}), LANE, "one to one with"),
        (DELAY + DRAW.normal(0, 1, 400), DELAY, None),  # knows it well, but is another figure
        (pd.Series(DRAW.normal(0, 1, 400)), DELAY, None),
        (pd.Series([f"o{number}" for number in range(400)]), DELAY, None),  # each its own: tells nothing
        (pd.Series(np.full(400, 3.0)), DELAY, None),
        (pd.Series(np.arange(400) == DELAY.idxmax()), DELAY, None),  # a single row at the end
        (pd.Series(DRAW.integers(0, 2, 400)), LATE, None),
        (DELAY[:39], DELAY[:39], None),  # too few
    ],
)
def test_a_feature_follows_from_the_label_or_does_not(
    feature: pd.Series, truth: pd.Series, expected: str | None
) -> None:
    assert likeness(feature, truth) == expected


def test_a_condition_that_holds_wherever_another_does_is_no_copy() -> None:
    """No two rows are ordered differently by both, and yet neither follows from the other."""
    feature = pd.Series([0] * 100 + [1] * 100)
    truth = pd.Series([False] * 50 + [True] * 50 + [True] * 100)
    assert likeness(feature, truth) is None


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        (DELAY, "equal to"),
        (60 * DELAY, "in the order of"),
        (DELAY.map(lambda value: f"{value:.1f}"), "one to one with"),
        (DELAY.where(DELAY.index < 380, DELAY + 1000 * DRAW.random(400)), None),  # a copy of all but the last rows
    ],
)
def test_what_the_first_rows_leave_open_the_others_decide(feature: pd.Series, expected: str | None) -> None:
    """The first thousand rows have one value each, and each delay comes five times."""
    quiet = pd.Series(np.zeros(1000))
    whole = pd.concat([quiet if feature.dtype != object else quiet.map(str), *[feature] * 5], ignore_index=True)
    truth = pd.concat([quiet, *[DELAY] * 5], ignore_index=True)
    assert likeness(whole, truth) == expected

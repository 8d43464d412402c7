"""Who is held out: a fixed share of the entities, the same everywhere, and chosen by nothing that matters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from ml_platform.models.control import is_control, propensity
from ml_platform.serving.candidate import entity_place


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_the_share_is_held_out(share: float) -> None:
    held = sum(is_control("churn", [f"c{number}"], share) for number in range(5000))
    assert chisquare([held, 5000 - held], [5000 * share, 5000 * (1 - share)]).pvalue > 0.001


def test_a_larger_share_holds_out_the_same_entities_and_more() -> None:
    few = {number for number in range(3000) if is_control("churn", [number], 0.05)}
    assert few < {number for number in range(3000) if is_control("churn", [number], 0.1)}


def test_it_is_independent_of_other_models_and_of_rollouts() -> None:
    """The share within is that of all: 0.3, give or take four standard errors."""
    held = np.array([is_control("churn", [number], 0.3) for number in range(4000)])
    other = np.array([is_control("spend", [number], 0.3) for number in range(4000)])
    canary = np.array([entity_place("churn", (number,)) < 0.3 for number in range(4000)])
    for group in (other, canary):
        assert abs(held[group].mean() - 0.3) < 4 * (0.21 / group.sum()) ** 0.5


def test_values_of_a_frame_and_of_a_request_are_the_same_entity() -> None:
    time = pd.Timestamp("2024-03-01T12:00:00.000001Z")
    for one, other in (
        (np.int64(7), 7),
        ("c7", "c7"),
        (time, time.to_pydatetime()),
        (np.bool_(True), True),
        (-0.0, 0.0),
    ):
        shares = np.linspace(0, 0.5, 200)
        assert [is_control("m", [one], share) for share in shares] == [
            is_control("m", [other], share) for share in shares
        ]


def test_each_group_has_its_probability() -> None:
    assert propensity(0.05, control=True) == 0.05
    assert propensity(0.05, control=False) == 0.95

"""The effect of acting: against plain differences of means, regression with clusters, and worlds of known effect."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import binom

from ml_platform.declarations.control import Control
from ml_platform.declarations.value import Value
from ml_platform.models.decision import Decision
from ml_platform.operations.monitoring.effect import Effect, earned_decision, influences, measured_effect

START = datetime(2024, 3, 1, tzinfo=UTC)
HORIZON = timedelta(days=1)
CALL = Decision("orders", {"call": "label - 2", "wait": "label"}, None, "wait")


def world(seed: int, days: int = 30, rows: int = 60, share: float = 0.2, effect: float = 3.0) -> pd.DataFrame:
    """Return predictions with what came about: a call raises the label by `effect`, days and customers share luck."""
    draw = np.random.default_rng(seed)
    count = days * rows
    customer = draw.integers(0, 400, count)
    held = (draw.random(400) < share)[customer]
    luck, taste = draw.normal(0, 1, days), draw.normal(0, 1, 400)
    day = np.repeat(np.arange(days), rows)
    wants = draw.random(count) < 0.7
    level = 10 + luck[day] + taste[customer] + draw.standard_t(4, count)
    return pd.DataFrame(
        {
            "prediction_id": [f"p{number}" for number in range(count)],
            "question": [f"q{number}" for number in range(count)],
            "customer": customer,
            "version": 1,
            "late": False,
            "effective_time": pd.Series(pd.Timestamp(START) + pd.to_timedelta(day, "D")).astype("datetime64[us, UTC]"),
            "scored_at": pd.Timestamp(START),
            "best_action": np.where(wants, "call", "wait"),
            "action": np.where(wants & ~held, "call", "wait"),
            "expected_value": 0.0,
            "control": held,
            "propensity": np.where(held, share, 1 - share),
            "label": level + effect * (wants & ~held),
        }
    )


def measured(rows: pd.DataFrame, decision: Decision = CALL) -> Effect:
    now = START + timedelta(days=99)
    effect = measured_effect(rows, rows["label"], {1: decision}, HORIZON, now, ["customer"], False)
    assert effect is not None
    return effect


def test_it_is_the_difference_of_means_where_the_model_wants_to_act() -> None:
    rows = world(1)
    wanted = rows[rows["best_action"] == "call"]
    acted, held = wanted[~wanted["control"]], wanted[wanted["control"]]
    measurement = measured(rows)
    assert (measurement.acted, measurement.held_out) == (len(acted), len(held))
    assert measurement.interval is not None
    difference = (acted["label"] - 2).mean() - held["label"].mean()
    assert measurement.interval.figure == pytest.approx(difference * len(acted))
    # The assumed effect knows nothing of what a call does: it is what a call costs, for the same label.
    assert measurement.interval.low is not None
    assert measurement.interval.low > -2 * len(acted)


def test_rows_of_unequal_probability_are_weighted() -> None:
    """Held out with 0.1 on the first days and with 0.5 on the last, which are worth less: plain means mislead."""
    draw = np.random.default_rng(4)
    late = np.repeat([False, True], 20_000)
    chance = np.where(late, 0.5, 0.1)
    held = draw.random(40_000) < chance
    value = np.where(late, 0.0, 10.0) + np.where(held, 0.0, 1.0) + draw.normal(0, 0.1, 40_000)
    weight = 1 / np.where(held, chance, 1 - chance)
    weighted = sm.WLS(value, np.column_stack([np.ones(40_000), ~held]), weight).fit().params[1]
    effect = influences(value, held, weight)
    assert effect.mean() == pytest.approx(weighted)
    assert abs(effect.mean() - 1) < 0.2 < abs(value[~held].mean() - value[held].mean() - 1)


def test_the_spread_of_influences_is_that_of_a_regression_with_robust_errors() -> None:
    rows = world(2)
    held, value = rows["control"].to_numpy(), rows["label"].to_numpy()
    fit = sm.OLS(value, np.column_stack([np.ones(len(rows)), ~held]).astype(float)).fit(cov_type="HC0")
    effect = influences(value, held, np.ones(len(rows)))
    assert np.sqrt(((effect - effect.mean()) ** 2).sum()) / len(rows) == pytest.approx(fit.bse[1])


def test_without_groups_nothing_is_measured_and_a_small_one_is_reported() -> None:
    rows = world(3)
    now = START + timedelta(days=99)
    nothing = measured_effect(rows.drop(columns="control"), rows["label"], {1: CALL}, HORIZON, now, ["customer"], False)
    assert nothing is None
    few = pd.concat([rows[~rows["control"]], rows[rows["control"] & (rows["best_action"] == "call")].head(19)])
    measurement = measured(few)
    assert measurement.interval is None
    assert (
        measurement.declined
        == f"the groups are too small: {measurement.acted:,} acted on and 19 held out, 20 of each are needed"
    )
    assert measurement.as_held().figure is None


def test_what_actions_really_earned_is_declared_apart_from_what_decides() -> None:
    """The payoffs decide by a label that a call does not change; the effect is of the label that came about."""
    decides = Decision("orders", {"call": "-2 + label * 4", "wait": "0"}, None, "wait")
    model: Any = SimpleNamespace(
        value=Value(
            actions=dict(decides.actions),
            do_nothing="wait",
            control=Control(share=0.2, earned={"call": "label - 2", "wait": "label"}),
        )
    )
    rows = world(1)
    assert measured(rows, earned_decision(model, decides)) == measured(rows)
    assert measured(rows, decides) != measured(rows)
    without: Any = SimpleNamespace(value=Value(actions=dict(decides.actions), do_nothing="wait"))
    assert earned_decision(without, decides) is decides


def covered(worlds: int, **kinds: Any) -> tuple[int, int]:
    """Return in how many worlds the interval holds the true effect, and how many have an interval."""
    inside = arguments = 0
    for seed in range(worlds):
        measurement = measured(world(seed, **kinds))
        if measurement.interval is None or measurement.interval.low is None or measurement.interval.high is None:
            continue
        arguments += 1
        truth = (kinds.get("effect", 3.0) - 2) * measurement.acted
        inside += measurement.interval.low <= truth <= measurement.interval.high
    return inside, arguments


WORLDS = 1000 if os.environ.get("ML_PLATFORM_PROVE") else 60


@pytest.mark.parametrize(("effect", "share"), [(3.0, 0.2), (2.0, 0.05)])
def test_the_interval_covers_the_true_effect(effect: float, share: float) -> None:
    """At least as often as 95 % would in 99 of 100 tries."""
    inside, arguments = covered(WORLDS, effect=effect, share=share)
    assert arguments >= 0.95 * WORLDS
    assert inside >= binom.ppf(0.01, arguments, 0.95)

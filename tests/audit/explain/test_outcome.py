"""What a prediction earned, as realized value counts it; the amounts are worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from ml_platform.audit.explain.outcome import PredictionOutcome, outcomes_of
from ml_platform.models.decision import Decision
from ml_platform.operations.predictions.logged import Logged
from ml_platform.operations.predictions.taken_actions import TAKEN
from tests.shop_project import open_shop

MODEL = "late_parcel"
RUN = datetime(2024, 3, 1, tzinfo=UTC)


def outcomes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: Any) -> Mapping[str, PredictionOutcome]:
    """Return the outcome of three predictions of late parcels with reports of actions: upgrade, upgrade, wait."""
    project = open_shop(tmp_path)
    ids = ["a", "b", "c"]
    rows = pd.DataFrame({"version": 1, "action": ["upgrade", "upgrade", "wait"], "expected_value": 1.0}, index=ids)
    rows["effective_time"] = pd.Timestamp(RUN)
    if taken is not None:
        rows[TAKEN] = pd.Series(taken, index=ids, dtype=object)
    known = pd.DataFrame({"label": [True, True, True], "label_state": "known"}, index=ids)
    monkeypatch.setattr("ml_platform.audit.explain.outcome.labels_of", lambda *_: known)
    monkeypatch.setattr("ml_platform.audit.explain.outcome.current_output", lambda *_: "deliveries1")
    decision = Decision("orders", {"upgrade": "-4 + label * 9", "wait": "0"}, None, "wait")
    predictors: Any = {1: SimpleNamespace(decision=decision)}
    logged = Logged(MODEL, rows, ("order_id",), {}, None, exact=True)
    return outcomes_of(project, logged, predictors, RUN + timedelta(days=3))


@pytest.mark.parametrize(
    ("taken", "earned", "counted"),
    [
        (["wait", None, "upgrade"], [0.0, 0.0, 5.0], ["wait", "wait", "upgrade"]),  # no report counts as doing nothing
        (None, [5.0, 5.0, 0.0], [None, None, None]),  # no source of reports: as if the advice was followed
    ],
)
def test_the_action_that_was_taken_earned_the_amount_and_not_the_recommended_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: Any, earned: list[float], counted: list[str | None]
) -> None:
    """An upgrade of a late parcel is worth -4 + 9; waiting is worth nothing."""
    ids, by_id = ["a", "b", "c"], outcomes(tmp_path, monkeypatch, taken)
    assert [by_id[id].value for id in ids] == earned
    assert [by_id[id].counted for id in ids] == counted
    assert {by_id[id].do_nothing for id in ids} == {0.0}


def test_a_reported_action_that_is_not_declared_has_no_amount_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = outcomes(tmp_path, monkeypatch, ["Upgrade", None, "wait"])["a"]
    assert (outcome.status, outcome.value, outcome.counted) == ("settled", None, "Upgrade")
    assert outcome.note == "Upgrade, which was reported, is no declared action"

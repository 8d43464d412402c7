"""What follows for a candidate, by what was counted and what it earned; and that it is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import ParityNotProven
from ml_platform.core.statistics.betting import MeanNow
from ml_platform.declarations.rollout import RolloutStage
from ml_platform.models.decision import Decision
from ml_platform.operations.alerts import recent_alerts
from ml_platform.operations.rollout import advance, money
from ml_platform.operations.rollout.counts import Figures, StageCounts, size_of
from ml_platform.operations.rollout.judge import Judged, judge
from ml_platform.operations.rollout.money import Money, gain_of, money_so_far, one_within, with_removed
from ml_platform.registry.rollout import Rollout, rollout_of
from ml_platform.serving.service import Service
from ml_platform.storage.ledger.lines import LedgerLine, ledger_lines
from ml_platform.storage.versions import Version
from tests.operations.monitoring.hand_made_world import appoint
from tests.serving.test_rollout import ROWS, answers, log_of
from tests.serving.world import NOW, ServedWorld, served_world

HOUR = timedelta(hours=1)
ENTERED = datetime(2024, 3, 1, tzinfo=UTC)


def rollout(number: int = 0, *stages: dict[str, Any]) -> Rollout:
    """Return a rollout of version 2 in one of its stages."""
    line = cast(LedgerLine, SimpleNamespace(clock=ENTERED, seq=7))
    read = tuple(RolloutStage.model_validate(stage) for stage in stages)
    return Rollout(cast(Version, SimpleNamespace(number=2, model="m")), number, read, line, line)


def figures(rows: int, errors: int = 0, micros: float = 100.0) -> Figures:
    counted, counts = Figures(), StageCounts("m", 7, 2)
    for _ in range(rows - errors):
        counts.predicted(int(micros * 1000))
    for _ in range(errors):
        counts.failed()
    counted.add(counts)
    return counted


def earned(verdict: str = "inconclusive") -> Money:
    gain = MeanNow(300, 0.1, -0.1, 0.2, above=verdict == "better", below=verdict == "worse")
    return Money(1000, 300, 0, gain)


CASES: list[tuple[dict[str, Any], Figures, Figures, str, float, str, str]] = [
    ({}, figures(500), figures(500), "inconclusive", 12, "wait", "the stage has 12h left"),
    ({}, figures(500), figures(500), "inconclusive", 24, "promote", "500 rows with 0 errors"),
    ({}, figures(500), figures(500), "worse", 1, "end", "earns less than the champion beyond doubt"),
    ({}, figures(99), figures(99), "inconclusive", 30, "wait", "has predicted 99 rows of 100"),
    ({}, figures(99, errors=99), figures(99), "inconclusive", 1, "wait", "23h"),
    ({}, figures(100, errors=1), figures(100), "inconclusive", 1, "end", "1 of 100 rows that the champion can answer"),
    ({"max_errors": 0.02}, figures(100, errors=2), figures(100), "inconclusive", 24, "promote", "2 errors"),
    ({}, figures(500, micros=230.0), figures(500), "inconclusive", 1, "end", "the limit is 2x"),
    ({"max_latency": "3x"}, figures(500, micros=230.0), figures(500), "inconclusive", 24, "promote", "0.235 ms"),
    ({"max_latency": "90us"}, figures(500), figures(500), "inconclusive", 1, "end", "the limit is 90us"),
    ({"require": "better"}, figures(500), figures(500), "inconclusive", 90, "wait", "until it earns more"),
    ({"require": "better"}, figures(500), figures(500), "better", 24, "promote", "passed"),
    ({"require": "better", "at_most": "3d"}, figures(500), figures(500), "inconclusive", 72, "end", "in time"),
    ({"require": "better", "at_most": "3d"}, figures(500), figures(500), "inconclusive", 71, "wait", "until"),
]


@pytest.mark.parametrize(("more", "candidate", "champion", "verdict", "hours", "outcome", "reason"), CASES)
def test_a_stage_is_judged(
    more: Mapping[str, Any],
    candidate: Figures,
    champion: Figures,
    verdict: str,
    hours: float,
    outcome: str,
    reason: str,
) -> None:
    counted = {1: champion, 2: candidate}
    judged = judge(rollout(0, {"shadow": "1d", **more}), counted, earned(verdict), "EUR", ENTERED + hours * HOUR)
    assert judged.outcome == outcome
    assert reason in judged.reason


def test_the_stage_before_the_last_leads_to_the_next() -> None:
    stages = ({"shadow": "1d"}, {"canary": 0.1, "for": "2d"})
    counted = {1: figures(500), 2: figures(500)}
    later = ENTERED + 50 * HOUR
    assert judge(rollout(0, *stages), counted, earned(), "EUR", later).outcome == "next"
    assert judge(rollout(1, *stages), counted, earned(), "EUR", later).outcome == "promote"


def test_latency_is_the_time_that_a_share_of_the_predictions_keep_below() -> None:
    drawn = np.random.default_rng(1).lognormal(5, 0.6, 4000)
    actual, parts = Figures(), [StageCounts("m", 7, 2) for _ in range(3)]
    for number, micros in enumerate(drawn):
        parts[number % 3].predicted(int(micros * 1000))
    for part in parts:
        actual.add(part)
    for share in (0.5, 0.95, 0.99):
        assert actual.latency(share) == pytest.approx(np.quantile(drawn, share), rel=0.06)
    assert size_of(200.0) - size_of(100.0) == 8


def test_of_an_entity_one_row_counts_within_a_label_horizon() -> None:
    hours: dict[str, list[float]] = {"a": [0, 1, 2, 3, 6], "b": [1, 2.5, 9]}
    rows = pd.DataFrame(
        [
            {"shop": shop, "effective_time": pd.Timestamp(ENTERED + hour * HOUR), "prediction_id": f"{shop}{hour}"}
            for shop, actual in hours.items()
            for hour in actual
        ]
    ).sample(frac=1, random_state=3)
    kept = one_within(rows, ["shop"], 2 * HOUR)
    assert list(kept["prediction_id"]) == ["a0", "b1", "a2", "a6", "b9"]


def test_the_gain_is_the_difference_of_what_both_recommendations_earn() -> None:
    drawn = np.random.default_rng(5)
    label = pd.Series(drawn.random(400) < 0.4)
    items = drawn.integers(1, 6, 400)
    taken = {name: np.where(drawn.random(400) < 0.5, "offer", "wait") for name in ("candidate", "champion")}
    rows = pd.DataFrame({"orders.items": items, **taken})
    decision = Decision("orders", {"offer": "label * items - 1", "wait": "0"}, None, "wait")
    naive = []
    for at in range(400):
        worth = {"offer": float(label[at]) * items[at] - 1, "wait": 0.0}
        naive.append(worth[taken["candidate"][at]] - worth[taken["champion"][at]])
    gain = gain_of(rows, label, decision, (False, True), 0.95)
    assert gain.values == 400
    assert gain.mean == pytest.approx(np.mean(naive))
    assert -5 <= gain.low <= gain.mean <= gain.high <= 5


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServedWorld:
    return served_world(tmp_path, monkeypatch, ["yes"])


def labels_for(world: ServedWorld, patch: pytest.MonkeyPatch, *, right: str) -> None:
    """Give each row the label by which one of the versions is right."""

    def labels(project: Any, model: str, source: str, rows: pd.DataFrame, now: datetime) -> pd.DataFrame:
        offered = rows[right] == "offer"
        return pd.DataFrame({"label": offered, "label_state": "known"}, index=rows.index)

    patch.setattr(money, "labels_of", labels)


def advanced(world: ServedWorld, now: datetime) -> Judged:
    advance_made = advance.advance_rollout(world.project, "yes", "the labels", "test", now)
    assert advance_made is not None
    return advance_made


def test_an_action_that_only_the_champion_has_is_valued_too() -> None:
    drawn = np.random.default_rng(6)
    label = pd.Series(drawn.random(300) < 0.4)
    rows = pd.DataFrame({"candidate": "offer", "champion": drawn.choice(["offer", "call", "wait"], 300)})
    worth = {"offer": lambda sold: 3.0 * sold - 1, "call": lambda sold: 5.0 * sold - 2, "wait": lambda sold: 0.0}
    naive = [worth["offer"](sold) - worth[name](sold) for sold, name in zip(label, rows["champion"], strict=True)]
    now = Decision("orders", {"offer": "label * 3 - 1", "wait": "0"}, None, "wait")
    before = Decision("orders", {"offer": "label - 9", "call": "label * 5 - 2", "wait": "1"}, None, "wait")
    gain = gain_of(rows, label, with_removed(now, before), (False, True), 0.95)
    assert (gain.values, gain.mean) == pytest.approx((300, np.mean(naive)))


def test_pairs_of_both_stages_are_one_sample_and_wait_for_their_labels(
    world: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = world.roll_out("yes", 5, {"shadow": "1h"}, {"canary": 0.4, "for": "1d"})
    service = Service(world.project)
    answers(service)
    service._write_counts()
    labels_for(world, monkeypatch, right="candidate")
    actual = advanced(world, NOW + HOUR)
    assert actual.outcome == "next", actual.reason
    assert (actual.money.verdict, actual.money.gain.values) == ("inconclusive", 0)
    assert actual.money.waiting == actual.money.differ > 10
    service.look()
    more = [{**row, "id": f"r{row['id']}"} for row in ROWS]
    assert candidate.number in {answer["version"] for answer in answers(service, more)}
    service.close()
    log = log_of(world)
    running = rollout_of(world.project, "yes")
    assert running is not None
    both = money_so_far(world.project, running, "the labels", NOW + 3 * HOUR)
    assert (both.pairs, both.waiting) == (400, 0)
    assert both.differ == int((log["action"] != log["shadow_action"]).sum())
    assert both.verdict == "better"


def test_a_candidate_that_earns_less_is_removed_and_the_champion_answers(
    world: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = Service(world.project).model("yes").version
    world.roll_out("yes", 5, {"canary": 0.4, "for": "9d"})
    service = Service(world.project)
    answers(service)
    labels_for(world, monkeypatch, right="champion")
    actual = advanced(world, NOW + 3 * HOUR)
    assert (actual.outcome, actual.money.verdict) == ("end", "worse")
    line = ledger_lines(world.project.database, "rollout/yes")[-1]
    assert (line.action, line.reason) == ("end rollout", actual.reason)
    assert "earns less" in recent_alerts(world.project)[0]["body"]
    service.look()
    assert {answer["version"] for answer in answers(service)} == {champion.number}
    service.close()
    assert advance.advance_rollout(world.project, "yes", "the labels", "test", NOW + 4 * HOUR) is None


def test_what_deployment_refuses_ends_the_rollout(world: ServedWorld) -> None:
    world.roll_out("yes", 5, {"shadow": "1h"})  # by an evaluation that does not exist
    service = Service(world.project)
    answers(service)
    service.close()
    assert advanced(world, NOW + HOUR).outcome == "end"
    assert ledger_lines(world.project.database, "rollout/yes")[-1].action == "end rollout"


def test_a_promotion_waits_while_what_is_served_differs_from_what_training_reads(
    world: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def differs(*_: Any) -> None:
        raise ParityNotProven("yes", "2", ["shop_recent.sales_6h differs"])

    candidate = world.roll_out("yes", 5, {"shadow": "1h"})
    service = Service(world.project)
    answers(service)
    service.close()
    monkeypatch.setattr(advance, "promote", differs)
    actual = advanced(world, NOW + HOUR)
    assert actual.outcome == "wait"
    assert "shop_recent.sales_6h differs" in actual.reason
    running = rollout_of(world.project, "yes")
    assert running is not None
    assert running.version.id == candidate.id


def test_a_candidate_that_became_champion_otherwise_is_not_changed(world: ServedWorld) -> None:
    candidate = world.roll_out("yes", 5, {"shadow": "1h"})
    appoint(world.project, "yes", world.project.store.get("trained_model", candidate.id), NOW)
    assert advance.advance_rollout(world.project, "yes", None, "test", NOW + HOUR) is None

"""Scoring where an action is limited to so many rows a day, and where rows are held out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ml_platform.models.control import is_control
from ml_platform.models.predictor import load_predictor
from ml_platform.operations.predictions.capacity_use import capacity_use
from ml_platform.operations.predictions.score import score_days
from ml_platform.project import Project, open_project
from tests.operations.monitoring.hand_made_world import HandMadeWorld, hand_made_world
from tests.operations.predictions.scored_day import (
    DAY,
    END,
    INPUTS,
    MODEL,
    START,
    appointed,
    log_of,
    rows_of_day,
    score,
)
from tests.shop_project import open_shop

LIMIT = 3


@pytest.fixture
def limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HandMadeWorld:
    """The shop, whose best three orders of a day are upgraded."""
    return hand_made_world(with_value(tmp_path, "  capacity: {upgrade: 3 per day UTC}"), monkeypatch, count=1500)


def test_no_day_gets_more_of_a_limited_action_and_the_log_keeps_what_was_best(limited: HandMadeWorld) -> None:
    appointed(limited, START - timedelta(days=9))
    for hour in (6, 12, 18, 24):
        score(limited, START + timedelta(hours=hour))
    log = log_of(limited)
    artifact = limited.project.store.get("trained_model", log["trained_model"].iloc[0])
    predicted = (
        load_predictor(limited.project, artifact)
        .predict(rows_of_day(limited))
        .set_axis(rows_of_day(limited)["order_id"])
    )
    by_order = log.set_index("order_id")
    assert (log["action"] == "upgrade").sum() == LIMIT < (log["best_action"] == "upgrade").sum()
    assert by_order["best_action"].sort_index().tolist() == predicted["action"].sort_index().tolist()
    # On the first day nothing is known of later runs: the first three that gain get it, the better of a minute first.
    gains = -4 + 9 * predicted["score"]
    assert by_order["capacity_gain"].sort_index().tolist() == pytest.approx(gains.sort_index().tolist())
    first = log[log["capacity_gain"] > 0].sort_values(["effective_time", "capacity_gain"], ascending=[True, False])
    assert log.loc[log["action"] == "upgrade", "order_id"].tolist() == first["order_id"].tolist()[:LIMIT]
    waiting = log[log["action"] == "wait"]
    assert (waiting["expected_value"] == 0).all()
    use = capacity_use(limited.project, MODEL, END)
    assert use is not None
    assert use.text == (
        f"3 of 3 upgrade used on 2024-01-10 (UTC), {(gains > 0).sum() - 3} more rows would have gained from it"
    )


@pytest.mark.parametrize("limit", [LIMIT, 5])
def test_versions_with_other_actions_share_the_places_of_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """A day on which a version with one more action takes over at noon."""
    project = with_value(tmp_path, f"  capacity: {{upgrade: {limit} per day UTC}}")
    world = hand_made_world(project, monkeypatch, count=1500)
    appointed(world, START - timedelta(days=9))
    path = project.root / f"models/{MODEL}.yaml"
    path.write_text(path.read_text().replace("    wait: 0\n", '    call: "-90"\n    wait: 0\n'))
    world.project = open_project(project.root)
    appointed(world, START + timedelta(hours=12), seed=3)
    score(world, END)
    log = log_of(world)
    wanted = log[log["best_action"] == "upgrade"].groupby("version").size()
    assert wanted.min() > limit
    assert list(wanted.index) == [1, 2]
    assert (log["action"] == "upgrade").sum() == limit
    assert log["capacity_gain"].notna().all()
    gains = -4 + 9 * log["score"]
    assert log["capacity_gain"].tolist() == pytest.approx(gains.tolist())  # calling loses, so waiting is the next best


def test_days_before_show_which_rows_are_still_to_come(limited: HandMadeWorld) -> None:
    appointed(limited, START - timedelta(days=9))
    days = [DAY + timedelta(days=place) for place in range(5)]
    score_days(limited.project, MODEL, INPUTS, days, END + timedelta(days=5))
    log = log_of(limited)
    assert log.groupby(log["effective_time"].dt.date)["action"].apply(lambda of: (of == "upgrade").sum()).max() <= LIMIT
    logged = log[log["effective_time"] >= END]
    granted = logged[logged["action"] == "upgrade"]
    wanted = logged[logged["capacity_gain"] > 0].groupby(logged["effective_time"].dt.date)["capacity_gain"]
    served_first = wanted.apply(lambda gains: gains.iloc[:LIMIT].sum()).sum()
    assert granted["capacity_gain"].sum() > served_first
    assert granted["capacity_gain"].sum() <= wanted.apply(lambda gains: gains.nlargest(LIMIT).sum()).sum() + 1e-9


def test_without_a_capacity_the_log_has_no_column_of_it(world: HandMadeWorld) -> None:
    appointed(world, START - timedelta(days=1))
    score(world, END)
    assert not {"best_action", "capacity_gain"} & set(log_of(world).columns)
    assert capacity_use(world.project, MODEL, END) is None
    declare(world.project.root, "  capacity: {upgrade: 3 per day UTC}")  # now it is, and these rows shared no places
    assert capacity_use(open_project(world.project.root), MODEL, END) is None


def with_value(directory: Path, added: str) -> Project:
    """Return the shop with more keys below ``value`` of its model."""
    open_shop(directory)
    declare(directory, added)
    return open_project(directory)


def declare(directory: Path, added: str) -> None:
    """Add keys below ``value`` of the shop's model."""
    path = directory / "models/late_parcel.yaml"
    path.write_text(path.read_text().replace("do_nothing: wait", f"do_nothing: wait\n{added}"))


def test_held_out_rows_do_nothing_and_the_log_records_what_was_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = hand_made_world(
        with_value(tmp_path, "  control: {share: 0.3, earned: {upgrade: -4 - label * 5, wait: -label * 5}}"),
        monkeypatch,
        count=1500,
    )
    appointed(world, START - timedelta(days=9))
    score(world, END)
    log = log_of(world)
    held = [is_control(MODEL, [order], 0.3) for order in log["order_id"]]
    assert log["control"].tolist() == held
    assert 0 < sum(held) < len(held)
    assert log["propensity"].tolist() == [0.3 if item else 0.7 for item in held]
    artifact = world.project.store.get("trained_model", log["trained_model"].iloc[0])
    predicted = load_predictor(world.project, artifact).predict(log)
    assert log["best_action"].tolist() == predicted["action"].tolist()
    assert log["action"].tolist() == [
        "wait" if item else best for item, best in zip(held, predicted["action"], strict=True)
    ]
    assert (log.loc[held, "best_action"] == "upgrade").any()
    assert (log.loc[held, "expected_value"] == 0).all()
    free = [not item for item in held]
    assert log.loc[free, "expected_value"].tolist() == predicted.loc[free, "expected_value"].tolist()
    assert "capacity_gain" not in log


def test_held_out_rows_take_no_place_of_a_limited_action(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control = "  control: {share: 0.5, earned: {upgrade: -4 - label * 5, wait: -label * 5}}"
    limits = f"{control}\n  capacity: {{upgrade: 3 per day UTC}}"
    world = hand_made_world(with_value(tmp_path, limits), monkeypatch, count=1500)
    appointed(world, START - timedelta(days=9))
    score(world, END)
    log = log_of(world)
    assert log.loc[log["control"], "capacity_gain"].isna().all()
    assert set(log.loc[log["control"], "action"]) == {"wait"}
    first = log[~log["control"] & (log["capacity_gain"] > 0)].sort_values("effective_time")
    assert log.loc[log["action"] == "upgrade", "order_id"].tolist() == first["order_id"].tolist()[:3]


def test_a_row_of_the_control_group_gets_the_default_action_of_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default action is renamed, and the version of before is still the champion."""
    earned = "  control: {share: 0.5, earned: {upgrade: -4 - label * 5, wait: -label * 5}}"
    world = hand_made_world(with_value(tmp_path, earned), monkeypatch, count=1500)
    appointed(world, START - timedelta(days=9))
    path = world.project.root / f"models/{MODEL}.yaml"
    path.write_text(path.read_text().replace("wait: 0\n", "rest: 0\n").replace("wait", "rest"))
    world.project = open_project(world.project.root)
    score(world, END)
    log = log_of(world)
    assert set(log.loc[log["control"], "action"]) == {"wait"}
    assert (log.loc[log["control"], "expected_value"] == 0).all()
    assert set(log.loc[~log["control"], "action"]) == {"wait", "upgrade"}


@pytest.mark.parametrize("unit", ["payoffs in cents before", "payoffs in cents after", "another action was limited"])
def test_only_comparable_gains_show_which_rows_are_still_to_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str
) -> None:
    """After a change of payoffs, or of the limited action, a day is shared out as on the first day of a model."""
    in_euros, in_cents = "upgrade: -4 + label * 9", "upgrade: -400 + label * 900"
    project = with_value(tmp_path, f"  capacity: {{upgrade: {LIMIT} per day UTC}}")
    path = project.root / f"models/{MODEL}.yaml"
    now = path.read_text().replace(in_euros, in_cents) if unit == "payoffs in cents after" else path.read_text()
    before = now.replace(in_euros, in_cents) if unit == "payoffs in cents before" else now.replace(in_cents, in_euros)
    if unit == "another action was limited":
        now = now.replace("    wait: 0\n", "    call: 40 - label * 90\n    wait: 0\n")
        before = now.replace("capacity: {upgrade", "capacity: {call")
    path.write_text(before)
    world = hand_made_world(open_project(project.root), monkeypatch, count=1500)
    appointed(world, START - timedelta(days=9))
    days = [DAY - timedelta(days=place) for place in range(5, 0, -1)]
    score_days(world.project, MODEL, INPUTS, days, START)
    path.write_text(now)
    world.project = open_project(project.root)
    if before.split("capacity")[0] != now.split("capacity")[0]:
        appointed(world, START, seed=3)
    score(world, END)
    log = log_of(world)
    assert (log["effective_time"] < START).sum() > LIMIT
    log = log[log["effective_time"] >= START]
    wanted = log[log["capacity_gain"] > 0].sort_values(["effective_time", "capacity_gain"], ascending=[True, False])
    assert log.loc[log["action"] == "upgrade", "order_id"].tolist() == wanted["order_id"].tolist()[:LIMIT]

"""Realized value agrees with sums worked out by hand, and counts settled predictions only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from ml_platform.models.decision import Decision
from ml_platform.operations.monitoring.realized_value import (
    DONE,
    Realized,
    is_settled,
    is_superseded,
    realized_value,
)
from ml_platform.operations.predictions.taken_actions import TAKEN
from ml_platform.storage.artifact_kinds.monitoring import RealizedDay

DAY1 = datetime(2024, 3, 1, 22, tzinfo=UTC)
HORIZON = timedelta(days=2)
UPGRADE = Decision("orders", {"upgrade": "-4 + label * 9", "wait": "0"}, None, "wait")
COST = Decision("orders", {}, "-2 * max(label - prediction, 0) - max(prediction - label, 0)", "0")


def logged(*rows: tuple[int, str | None, float, float | None], version: int = 1) -> pd.DataFrame:
    """Predictions of (hours after the first batch run, action, score, expected value)."""
    frame = pd.DataFrame(rows, columns=["hours", "action", "score", "expected_value"])
    frame["effective_time"] = (pd.Timestamp(DAY1) + pd.to_timedelta(frame["hours"], unit="h")).astype(
        "datetime64[us, UTC]"
    )
    number = [f"{version}.{row}" for row in range(len(frame))]
    frame = frame.assign(question=number, prediction_id=number, late=False, scored_at=frame["effective_time"])
    return frame.assign(version=version, expected_value=frame["expected_value"].astype("float64"))


def labels(*values: Any) -> pd.Series:
    return pd.Series(values, dtype=object)


def test_value_is_the_sum_worked_out_by_hand() -> None:
    predictions = logged(
        (0, "upgrade", 0.9, 4.1),  # late: -4 + 9 = 5; doing nothing earns 0
        (1, "upgrade", 0.5, 0.5),  # in time: -4
        (1, "wait", 0.1, 0.0),  # late: 0
        (3, "upgrade", 0.8, 3.2),  # the next day, late: 5
        (4, "upgrade", 0.6, 1.4),  # no label
    )
    realized = realized_value(
        predictions, labels(True, False, True, True, None), {1: UPGRADE}, HORIZON, DAY1 + timedelta(days=3)
    )
    assert realized == Realized(
        settled=5,
        waiting=0,
        superseded=0,
        late=0,
        late_gain=0.0,
        without_label=1,
        without_payoff=0,
        rows=4,
        value=6.0,
        expected=7.8,
        do_nothing=0.0,
        days=(
            RealizedDay(day="2024-03-01", rows=3, value=1.0, expected=4.6, do_nothing=0.0),
            RealizedDay(day="2024-03-02", rows=1, value=5.0, expected=3.2, do_nothing=0.0),
        ),
    )
    assert realized.uplift == 6.0


def test_predictions_count_only_once_their_horizon_has_passed() -> None:
    predictions = logged((0, "upgrade", 0.9, 4.1), (1, "upgrade", 0.9, 4.1), (2, "wait", 0.1, 0.0))
    now = DAY1 + HORIZON + timedelta(hours=1)
    realized = realized_value(predictions, labels(True, False, True), {1: UPGRADE}, HORIZON, now)
    assert (realized.settled, realized.waiting, realized.rows, realized.value) == (2, 1, 2, 1.0)
    assert is_settled(predictions, HORIZON, now).tolist() == [True, True, False]


def test_a_label_that_is_there_early_does_not_count_before_its_horizon() -> None:
    predictions = logged((0, "upgrade", 0.9, 4.1))
    realized = realized_value(predictions, labels(True), {1: UPGRADE}, HORIZON, DAY1 + HORIZON - timedelta(seconds=1))
    assert (realized.settled, realized.rows, realized.value, realized.expected) == (0, 0, 0.0, None)


def test_a_regression_earns_by_its_prediction_and_expects_nothing() -> None:
    predictions = logged((0, None, 10.0, None), (0, None, 3.0, None))
    # 15 against 10: 5 short, -10. 1 against 3: 2 over, -2. Doing nothing predicts 0: -30 and -2.
    realized = realized_value(predictions, labels(15.0, 1.0), {1: COST}, HORIZON, DAY1 + HORIZON)
    assert (realized.value, realized.do_nothing, realized.expected, realized.uplift) == (-12.0, -32.0, None, 20.0)


def test_each_prediction_is_worth_what_the_version_that_made_it_declared() -> None:
    dearer = Decision("orders", {"upgrade": "-6 + label * 9", "wait": "0"}, None, "wait")
    both = pd.concat([logged((0, "upgrade", 0.9, 1.0)), logged((0, "upgrade", 0.9, 1.0), version=2)], ignore_index=True)
    realized = realized_value(both, labels(True, True), {1: UPGRADE, 2: dearer}, HORIZON, DAY1 + HORIZON)
    assert realized.value == 5.0 + 3.0


def test_a_row_whose_payoff_is_unknown_is_excluded_from_both_sums() -> None:
    by_amount = Decision("orders", {"upgrade": "label * orders.amount", "wait": "0"}, None, "wait")
    predictions = logged((0, "upgrade", 0.9, 1.0), (0, "upgrade", 0.9, 1.0)).assign(**{"orders.amount": [7.0, None]})
    realized = realized_value(predictions, labels(True, True), {1: by_amount}, HORIZON, DAY1 + HORIZON)
    assert (realized.settled, realized.rows, realized.value, realized.expected) == (2, 1, 7.0, 1.0)
    assert (realized.without_payoff, realized.without_label) == (1, 0)


def test_one_action_counts_for_each_question_and_it_is_the_last() -> None:
    # a was asked at 0 h and, moved, again at 10 h: only the upgrade at 10 h counts. b was asked again when its first
    # label was settled (48 h): two questions. c was answered twice at one batch run: the later scoring counts.
    predictions = logged(
        (0, "upgrade", 0.9, 4.1),
        (10, "upgrade", 0.9, 4.1),  # late: 5
        (0, "upgrade", 0.9, 4.1),  # late: 5
        (48, "upgrade", 0.9, 4.1),  # in time: -4
        (0, "upgrade", 0.9, 4.1),
        (0, "wait", 0.9, 4.1),  # late: 0
    ).assign(question=["a", "a", "b", "b", "c", "c"])
    predictions["scored_at"] += pd.to_timedelta([0, 0, 0, 0, 0, 1], "min")
    truth = labels(True, True, True, False, True, True)
    assert is_superseded(predictions, HORIZON).tolist() == [True, False, False, False, True, False]
    for order in ([0, 1, 2, 3, 4, 5], [5, 3, 1, 4, 2, 0]):
        shuffled = predictions.iloc[order]
        realized = realized_value(shuffled, truth[order], {1: UPGRADE}, HORIZON, DAY1 + timedelta(days=9))
        assert (realized.settled, realized.superseded, realized.rows, realized.value) == (
            6,
            2,
            4,
            5.0 + 5.0 - 4.0 + 0.0,
        )


def test_an_answer_is_superseded_by_one_whose_label_still_waits() -> None:
    predictions = logged((0, "upgrade", 0.9, 4.1), (47, "wait", 0.1, 0.0)).assign(question="a")
    realized = realized_value(predictions, labels(True, None), {1: UPGRADE}, HORIZON, DAY1 + HORIZON)
    assert (realized.settled, realized.waiting, realized.superseded, realized.rows, realized.value) == (1, 1, 1, 0, 0.0)


def test_predictions_that_were_scored_late_are_summed_apart() -> None:
    predictions = logged((0, "upgrade", 0.9, 4.1), (1, "upgrade", 0.9, 4.1), (2, "upgrade", 0.9, 4.1))
    predictions["late"] = [False, True, True]
    realized = realized_value(predictions, labels(True, True, False), {1: UPGRADE}, HORIZON, DAY1 + timedelta(days=9))
    assert (realized.settled, realized.rows, realized.value) == (3, 1, 5.0)
    assert (realized.late, realized.late_gain) == (2, 5.0 - 4.0)


@pytest.mark.parametrize("rows", [[], [(0, "wait", 0.1, 0.0)]])
def test_without_settled_predictions_there_is_no_realized_value(rows: list[Any]) -> None:
    realized = realized_value(logged(*rows), labels(*[None for _ in rows]), {1: UPGRADE}, HORIZON, DAY1)
    assert (realized.settled, realized.waiting, realized.rows, realized.value, realized.days) == (
        0,
        len(rows),
        0,
        0.0,
        (),
    )


def test_the_action_that_was_taken_counts_and_following_is_counted() -> None:
    predictions = logged(
        (0, "upgrade", 0.9, 4.1),  # taken, late: 5
        (1, "upgrade", 0.9, 4.1),  # not taken, late: 0
        (2, "upgrade", 0.9, 4.1),  # no report: 0
        (3, "wait", 0.1, 0.0),  # upgraded all the same, in time: -4
        (4, "wait", 0.1, 0.0),  # no report, and nothing was to be done: 0
        (5, "upgrade", 0.9, 4.1),  # no label
    )
    reported = pd.Series(["upgrade", "wait", None, "upgrade", None, "upgrade"], dtype=object)
    with_reports = predictions.assign(**{TAKEN: reported, DONE: reported.fillna("wait")})
    truth = labels(True, True, False, False, True, None)
    realized = realized_value(with_reports, truth, {1: UPGRADE}, HORIZON, DAY1 + timedelta(days=3))
    assert (realized.rows, realized.value, realized.do_nothing) == (5, 1.0, 0.0)
    assert (realized.followed, realized.reported) == (2, 3)
    assert realized.undeclared is None
    misspelt = with_reports.assign(**{DONE: with_reports[DONE].replace("upgrade", "Upgrade")})
    wrong = realized_value(misspelt, truth, {1: UPGRADE}, HORIZON, DAY1 + timedelta(days=3))
    assert (wrong.rows, wrong.undeclared, wrong.without_payoff, wrong.without_label) == (3, 2, 0, 1)
    without = realized_value(predictions, truth, {1: UPGRADE}, HORIZON, DAY1 + timedelta(days=3))
    assert (without.value, without.followed, without.reported) == (6.0, None, None)


def test_what_is_expected_of_doing_nothing_is_of_the_rows_of_which_something_is_expected() -> None:
    # The second row was predicted without its amount: nothing is expected of it, and doing nothing costs 2 anyway.
    fee = Decision("orders", {"upgrade": "label * orders.amount", "wait": "-2"}, None, "wait")
    predictions = logged((0, "upgrade", 0.5, 3.5), (0, "wait", 0.5, None)).assign(**{"orders.amount": [7.0, None]})
    realized = realized_value(predictions, labels(True, True), {1: fee}, HORIZON, DAY1 + HORIZON)
    assert (realized.rows, realized.value, realized.do_nothing) == (2, 7.0 - 2.0, -4.0)
    # 3.5 for upgrading in place of -2 for waiting; the second row waits in any case.
    assert (realized.expected, realized.expected_nothing) == (3.5, -2.0)
    assert [day.expected_gain for day in realized.days] == [5.5]


def test_versions_whose_doing_nothing_depends_on_the_label_are_added_to_those_where_it_does_not() -> None:
    by_label = Decision("orders", {"upgrade": "-4 - label", "wait": "-6 * label"}, None, "wait")
    fee = Decision("orders", {"upgrade": "-1 + label", "wait": "-2"}, None, "wait")
    both = pd.concat([logged((0, "upgrade", 0.9, -4.9)), logged((0, "upgrade", 0.9, -0.1), version=2)])
    both = both.reset_index(drop=True).assign(expected_nothing=[-5.4, None])
    realized = realized_value(both, labels(True, False), {1: by_label, 2: fee}, HORIZON, DAY1 + HORIZON)
    # Doing nothing was expected to earn 0.9 * -6 by the first version, and earns -2 by the second whatever happens.
    assert realized.expected_nothing == pytest.approx(-5.4 - 2.0)
    assert realized.do_nothing == -6.0 - 2.0
    assert realized.days[0].expected_gain == pytest.approx((-4.9 + 5.4) + (-0.1 + 2.0))

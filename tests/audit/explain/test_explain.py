"""Predictions of a shop that has lived are explained as they were made, and come out again to the same bytes."""

from __future__ import annotations

import statistics
import struct
from datetime import date, datetime, timedelta

import pytest

from ml_platform.audit.explain import Explanation, explain, explain_each
from ml_platform.audit.explain.lookup import sample_ids
from ml_platform.audit.explain.render_html import page_of
from ml_platform.audit.explain.source_rows_types import TracedRows
from ml_platform.audit.explain.wording import answer_text
from ml_platform.storage.prediction_log import read_predictions
from tests.audit.explain.shop_with_history import FIRST_CORRECTION, MODEL, SECOND_CORRECTION, Delivery, Lived
from tests.worlds import NOW

WINDOWS = {"1d": timedelta(days=1), "7d": timedelta(days=7)}


@pytest.fixture(scope="module")
def explained(lived: Lived) -> list[Explanation]:
    ids = sample_ids(lived.project, MODEL, None, 200)
    assert len(ids) == len(set(ids)) == 200
    return list(explain_each(lived.project, ids, lived.now, rows=None))


def test_two_hundred_predictions_after_all_events_are_reproduced_to_the_same_bytes(
    lived: Lived, explained: list[Explanation]
) -> None:
    log = read_predictions(lived.project, MODEL, NOW - timedelta(days=1), lived.now).set_index("prediction_id")
    assert len(explained) == 200
    assert {explanation.version.number for explanation in explained} == {1, 2}
    assert {explanation.made.segment for explanation in explained} >= {"segment_00000.parquet", "segment_00001.parquet"}
    for explanation in explained:
        row = log.loc[explanation.prediction_id]
        rescored = {output.name: output.rescored_bytes for output in explanation.rescored.outputs}
        assert rescored == {
            "score": struct.pack(">d", row["score"]).hex(),
            "action": row["action"].encode().hex(),
            "expected_value": struct.pack(">d", row["expected_value"]).hex(),
        }
        assert explanation.from_features is not None
        assert {output.name: output.rescored_bytes for output in explanation.from_features.outputs} == rescored
        assert explanation.holds
        assert all("no training row had a null there" in problem for problem in explanation.problems)
        assert all(item.agrees for item in explanation.inputs)


def test_the_source_rows_of_each_feature_are_those_that_a_loop_over_all_rows_gives(
    lived: Lived, explained: list[Explanation]
) -> None:
    corrected = 0
    for explanation in explained:
        tick = tick_of(explanation.effective_time)
        for item in explanation.inputs:
            if item.table != "courier_recent":
                assert item.source_rows is None
                continue
            assert item.tick == tick
            traced = item.source_rows
            assert traced is not None
            window = WINDOWS[item.name.rpartition("_")[2]]
            expected = visible(lived.deliveries, str(traced.entity["courier"]), tick, window)
            if item.name.endswith(("parcels_1d", "parcels_7d")):
                assert [row.values for row in traced.rows] == [{"order_id": row.order_id} for row in expected]
            else:
                assert [(row.values["order_id"], row.values["minutes_late"]) for row in traced.rows] == [
                    (row.order_id, row.minutes_late) for row in expected
                ]
            assert [(row.event, row.known) for row in traced.rows] == [(r.delivered_at, r.known) for r in expected]
            assert [row.replaced for row in traced.rows] == [None if r.until > lived.now else r.until for r in expected]
            assert traced.count == len(expected)
            value = value_of(item.name, expected)
            assert item.value == (None if value is None else pytest.approx(value, rel=1e-12))
            corrected += sum(row.until <= lived.now for row in expected)
    assert corrected > 1000  # so that it was really told what stood there before


def tick_of(effective: datetime) -> datetime:
    """Refreshed at whole hours, published five minutes later."""
    return (effective - timedelta(minutes=5)).replace(minute=0, second=0, microsecond=0)


def visible(rows: list[Delivery], courier: str, tick: datetime, window: timedelta) -> list[Delivery]:
    deliveries = [
        row
        for row in rows
        if row.courier == courier and row.known <= tick < row.until and tick - window < row.delivered_at <= tick
    ]
    return sorted(deliveries, key=lambda row: (row.delivered_at, row.known, row.order_id), reverse=True)


def value_of(name: str, rows: list[Delivery]) -> float | None:
    late = [row.minutes_late for row in rows]
    feature = name.removeprefix("courier_recent.").rpartition("_")[0]
    if feature == "parcels":
        return len(rows)
    if not rows:
        return None
    if feature == "mean_late":
        return statistics.fmean(late)
    return late[0] if feature == "last_late" else sum(value >= 30 for value in late) / len(late)


def test_the_row_that_decides_a_last_value_is_marked(explained: list[Explanation]) -> None:
    for explanation in explained[:20]:
        traced = source_rows_of(explanation, "courier_recent.last_late_7d")
        assert [row.gives_value for row in traced.rows] == [True, *[False] * (traced.count - 1)]
        assert not any(row.gives_value for row in source_rows_of(explanation, "courier_recent.mean_late_7d").rows)


def source_rows_of(explanation: Explanation, name: str) -> TracedRows:
    traced = next(item.source_rows for item in explanation.inputs if item.name == name)
    assert traced is not None
    return traced


def test_listed_rows_are_the_newest_and_the_count_is_of_all(lived: Lived, explained: list[Explanation]) -> None:
    whole = explained[0]
    short = explain(lived.project, whole.prediction_id, lived.now, rows=3)
    for before, after in zip(whole.inputs, short.inputs, strict=True):
        if before.source_rows is not None and after.source_rows is not None:
            assert after.source_rows.count == before.source_rows.count
            assert after.source_rows.rows == before.source_rows.rows[:3]


def test_the_row_that_asked_is_shown_as_it_was(explained: list[Explanation]) -> None:
    for explanation in explained[:20]:
        assert explanation.population is not None
        logged = {item.name: item.value for item in explanation.inputs}
        assert list(explanation.population.values) == [
            "order_id",
            "courier",
            "placed_at",
            "amount",
            "items",
        ]  # as declared
        assert explanation.population.values["order_id"] == explanation.key["order_id"]
        assert explanation.population.values["amount"] == logged["orders.amount"]
        assert explanation.population.values["items"] == logged["orders.items"]
        assert explanation.prediction_time - explanation.population.event == timedelta(hours=1)  # placed_at + 1h


def test_every_action_is_shown_with_what_it_was_expected_to_earn(explained: list[Explanation]) -> None:
    for explanation in explained:
        score = explanation.answer.scores["score"]
        assert score is not None
        worth = {action.name: action.expected for action in explanation.answer.actions}
        assert worth == {"upgrade": pytest.approx(-4 + 9 * score, abs=1e-12), "wait": 0.0}
        best = "upgrade" if -4 + 9 * score > 0 else "wait"
        assert explanation.answer.action == best
        assert [action.name for action in explanation.answer.actions if action.recommended] == [best]


def test_the_answer_names_the_score_from_where_on_acting_pays_and_what_was_recommended(
    explained: list[Explanation],
) -> None:
    for explanation in explained:
        even, score = explanation.answer.break_even, explanation.answer.scores["score"]
        assert even is not None
        assert even.share is not None
        assert score is not None
        assert (even.action, even.pays) == ("upgrade", "from")
        assert even.share == pytest.approx(4 / 9)  # -4 + 9 p is 0 there
        assert (explanation.answer.action == "upgrade") == (score > even.share)
        text = f"; upgrade pays from 44.4 %; recommended: {explanation.answer.action}."
        assert answer_text(explanation).endswith(text)
        assert (
            page_of(explanation).index(text)
            < page_of(explanation).index('id="why"')
            < page_of(explanation).index('id="evidence"')
        )


def test_what_came_of_it_is_the_label_as_known_at_the_horizon(lived: Lived, explained: list[Explanation]) -> None:
    settled = 0
    for explanation in explained:
        end = explanation.effective_time + timedelta(days=2)
        assert explanation.outcome.settled_at == end
        if end > lived.now:
            assert explanation.outcome.status == "waiting"
            continue
        rows = [r for r in lived.deliveries if r.order_id == explanation.key["order_id"] and r.known <= end < r.until]
        if not rows:
            assert explanation.outcome.status == "no label"
            continue
        label = rows[0].minutes_late >= 30
        earned = {"upgrade": -4 + 9 * label, "wait": 0}[str(explanation.answer.action)]
        assert (explanation.outcome.label, explanation.outcome.value, explanation.outcome.do_nothing) == (
            label,
            earned,
            0,
        )
        settled += 1
    assert settled > 50


def test_contributions_of_trees_add_up_to_the_log_odds_of_the_score(explained: list[Explanation]) -> None:
    for explanation in explained:
        (terms,) = explanation.contributions
        assert terms.exact
        assert terms.adds_up
        assert terms.total == pytest.approx(terms.base + sum(term.amount for term in terms.terms))
        score = explanation.answer.scores["score"]
        assert score is not None
        assert 1 / (1 + 2.718281828459045**-terms.total) == pytest.approx(score, abs=1e-9)
        assert {term.column for term in terms.terms} == {item.name for item in explanation.inputs}
        values = {item.name: item.value for item in explanation.inputs}
        nulls = {name for name, value in values.items() if value is None}  # the model may have been given the median
        assert all(term.value == values[term.column] for term in terms.terms if term.column not in nulls)
        sizes = [abs(term.amount) for term in terms.terms]
        assert sizes == sorted(sizes, reverse=True)


def test_the_version_is_shown_with_its_deployment_and_who_is_champion_now(explained: list[Explanation]) -> None:
    second = NOW + timedelta(days=3, hours=7)
    for explanation in explained:
        version, made = explanation.version, explanation.version.deployment
        assert made is not None
        first = explanation.effective_time < second
        assert (version.number, version.champion_then) == ((1, 1) if first else (2, 2))
        assert (made.at, made.until) == ((NOW, second) if first else (second, None))
        assert (made.actor, made.reason) == ("test", "a test says so")
        assert (version.champion_now, version.champion_now_since) == (2, second)
        assert version.snapshot
        assert version.provenance.declaration is not None
        assert "name: late_parcel" in version.provenance.declaration


def test_each_prediction_lists_the_artifacts_that_its_scoring_read(explained: list[Explanation]) -> None:
    by_segment: dict[tuple[date, str], set[tuple[tuple[str, str], ...]]] = {}
    for explanation in explained:
        assert explanation.made.exact
        key = (explanation.effective_time.date(), explanation.made.segment)
        by_segment.setdefault(key, set()).add(tuple(sorted(explanation.made.artifacts.items())))
    assert all(len(actual) == 1 for actual in by_segment.values())
    second_of_march = {key[1]: next(iter(actual)) for key, actual in by_segment.items() if key[0] == date(2024, 3, 2)}
    assert len(set(second_of_march.values())) == 2  # scored twice, from other states of the sources


def test_one_alone_is_explained_as_among_many(lived: Lived, explained: list[Explanation]) -> None:
    for explanation in explained[::40]:
        assert explain(lived.project, explanation.prediction_id, lived.now, rows=None) == explanation


def test_corrections_were_really_made_after_predictions_were(lived: Lived, explained: list[Explanation]) -> None:
    assert any(explanation.scored_at < FIRST_CORRECTION for explanation in explained)
    assert any(row.until == FIRST_CORRECTION for row in lived.deliveries)
    assert any(row.until == SECOND_CORRECTION for row in lived.deliveries)

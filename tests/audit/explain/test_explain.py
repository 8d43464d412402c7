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


def test_two_hundred_predictions_after_all_that_happened_come_out_again_to_the_same_bytes(
    lived: Lived, explained: list[Explanation]
) -> None:
    log = read_predictions(lived.project, MODEL, NOW - timedelta(days=1), lived.now).set_index("prediction_id")
    assert len(explained) == 200
    assert {told.version.number for told in explained} == {1, 2}
    assert {told.made.segment for told in explained} >= {"segment_00000.parquet", "segment_00001.parquet"}
    for told in explained:
        row = log.loc[told.prediction_id]
        again = {output.name: output.again_bytes for output in told.again.outputs}
        assert again == {
            "score": struct.pack(">d", row["score"]).hex(),
            "action": row["action"].encode().hex(),
            "expected_value": struct.pack(">d", row["expected_value"]).hex(),
        }
        assert told.from_features is not None
        assert {output.name: output.again_bytes for output in told.from_features.outputs} == again
        assert told.holds
        assert all("no training row had a null there" in problem for problem in told.problems)
        assert all(item.agrees for item in told.inputs)


def test_the_source_rows_behind_each_feature_are_those_that_a_loop_over_all_rows_finds(
    lived: Lived, explained: list[Explanation]
) -> None:
    corrected = 0
    for told in explained:
        tick = tick_of(told.effective_time)
        for item in told.inputs:
            if item.table != "courier_recent":
                assert item.behind is None
                continue
            assert item.tick == tick
            behind = item.behind
            assert behind is not None
            window = WINDOWS[item.name.rpartition("_")[2]]
            expected = visible(lived.deliveries, str(behind.entity["courier"]), tick, window)
            if item.name.endswith(("parcels_1d", "parcels_7d")):
                assert [row.values for row in behind.rows] == [{"order_id": row.order_id} for row in expected]
            else:
                assert [(row.values["order_id"], row.values["minutes_late"]) for row in behind.rows] == [
                    (row.order_id, row.minutes_late) for row in expected
                ]
            assert [(row.event, row.known) for row in behind.rows] == [(r.delivered_at, r.known) for r in expected]
            assert [row.replaced for row in behind.rows] == [None if r.until > lived.now else r.until for r in expected]
            assert behind.count == len(expected)
            value = value_of(item.name, expected)
            assert item.value == (None if value is None else pytest.approx(value, rel=1e-12))
            corrected += sum(row.until <= lived.now for row in expected)
    assert corrected > 1000  # so that it was really told what stood there before


def tick_of(effective: datetime) -> datetime:
    """Refreshed at whole hours, published five minutes later."""
    return (effective - timedelta(minutes=5)).replace(minute=0, second=0, microsecond=0)


def visible(rows: list[Delivery], courier: str, tick: datetime, window: timedelta) -> list[Delivery]:
    found = [
        row
        for row in rows
        if row.courier == courier and row.known <= tick < row.until and tick - window < row.delivered_at <= tick
    ]
    return sorted(found, key=lambda row: (row.delivered_at, row.known, row.order_id), reverse=True)


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


def test_the_row_that_tells_a_last_value_is_marked(explained: list[Explanation]) -> None:
    for told in explained[:20]:
        behind = behind_of(told, "courier_recent.last_late_7d")
        assert [row.tells for row in behind.rows] == [True, *[False] * (behind.count - 1)]
        assert not any(row.tells for row in behind_of(told, "courier_recent.mean_late_7d").rows)


def behind_of(told: Explanation, name: str) -> TracedRows:
    behind = next(item.behind for item in told.inputs if item.name == name)
    assert behind is not None
    return behind


def test_listed_rows_are_the_newest_and_the_count_is_of_all(lived: Lived, explained: list[Explanation]) -> None:
    whole = explained[0]
    short = explain(lived.project, whole.prediction_id, lived.now, rows=3)
    for before, after in zip(whole.inputs, short.inputs, strict=True):
        if before.behind is not None and after.behind is not None:
            assert after.behind.count == before.behind.count
            assert after.behind.rows == before.behind.rows[:3]


def test_the_row_that_asked_is_told_as_it_was(explained: list[Explanation]) -> None:
    for told in explained[:20]:
        assert told.population is not None
        logged = {item.name: item.value for item in told.inputs}
        assert list(told.population.values) == ["order_id", "courier", "placed_at", "amount", "items"]  # as declared
        assert told.population.values["order_id"] == told.key["order_id"]
        assert told.population.values["amount"] == logged["orders.amount"]
        assert told.population.values["items"] == logged["orders.items"]
        assert told.prediction_time - told.population.event == timedelta(hours=1)  # placed_at + 1h


def test_every_action_is_told_with_what_it_was_expected_to_earn(explained: list[Explanation]) -> None:
    for told in explained:
        score = told.answer.scores["score"]
        assert score is not None
        worth = {action.name: action.expected for action in told.answer.actions}
        assert worth == {"upgrade": pytest.approx(-4 + 9 * score, abs=1e-12), "wait": 0.0}
        best = "upgrade" if -4 + 9 * score > 0 else "wait"
        assert told.answer.action == best
        assert [action.name for action in told.answer.actions if action.recommended] == [best]


def test_the_answer_names_the_score_from_where_on_acting_pays_and_what_was_recommended(
    explained: list[Explanation],
) -> None:
    for told in explained:
        even, score = told.answer.break_even, told.answer.scores["score"]
        assert even is not None
        assert even.share is not None
        assert score is not None
        assert (even.action, even.pays) == ("upgrade", "from")
        assert even.share == pytest.approx(4 / 9)  # -4 + 9 p is 0 there
        assert (told.answer.action == "upgrade") == (score > even.share)
        text = f"likely; upgrade pays from 44.4 %; recommended: {told.answer.action}."
        assert answer_text(told).endswith(text)
        assert page_of(told).index(text) < page_of(told).index('id="why"') < page_of(told).index('id="evidence"')


def test_what_came_of_it_is_the_label_as_known_at_the_horizon(lived: Lived, explained: list[Explanation]) -> None:
    settled = 0
    for told in explained:
        end = told.effective_time + timedelta(days=2)
        assert told.outcome.settled_at == end
        if end > lived.now:
            assert told.outcome.status == "waiting"
            continue
        rows = [r for r in lived.deliveries if r.order_id == told.key["order_id"] and r.known <= end < r.until]
        if not rows:
            assert told.outcome.status == "no label"
            continue
        label = rows[0].minutes_late >= 30
        earned = {"upgrade": -4 + 9 * label, "wait": 0}[str(told.answer.action)]
        assert (told.outcome.label, told.outcome.value, told.outcome.do_nothing) == (label, earned, 0)
        settled += 1
    assert settled > 50


def test_contributions_of_trees_add_up_to_the_log_odds_of_the_score(explained: list[Explanation]) -> None:
    for told in explained:
        (found,) = told.contributions
        assert found.exact
        assert found.adds_up
        assert found.total == pytest.approx(found.base + sum(term.amount for term in found.terms))
        score = told.answer.scores["score"]
        assert score is not None
        assert 1 / (1 + 2.718281828459045**-found.total) == pytest.approx(score, abs=1e-9)
        assert {term.column for term in found.terms} == {item.name for item in told.inputs}
        values = {item.name: item.value for item in told.inputs}
        nulls = {name for name, value in values.items() if value is None}  # the model may have been given the median
        assert all(term.value == values[term.column] for term in found.terms if term.column not in nulls)
        sizes = [abs(term.amount) for term in found.terms]
        assert sizes == sorted(sizes, reverse=True)


def test_the_version_is_told_with_its_deployment_and_who_is_champion_now(explained: list[Explanation]) -> None:
    second = NOW + timedelta(days=3, hours=7)
    for told in explained:
        version, made = told.version, told.version.deployment
        assert made is not None
        first = told.effective_time < second
        assert (version.number, version.champion_then) == ((1, 1) if first else (2, 2))
        assert (made.at, made.until) == ((NOW, second) if first else (second, None))
        assert (made.actor, made.reason) == ("test", "a test says so")
        assert (version.champion_now, version.champion_now_since) == (2, second)
        assert version.snapshot
        assert version.provenance.declaration is not None
        assert "name: late_parcel" in version.provenance.declaration


def test_each_prediction_tells_the_artifacts_that_its_own_scoring_read(explained: list[Explanation]) -> None:
    by_segment: dict[tuple[date, str], set[tuple[tuple[str, str], ...]]] = {}
    for told in explained:
        assert told.made.exact
        key = (told.effective_time.date(), told.made.segment)
        by_segment.setdefault(key, set()).add(tuple(sorted(told.made.artifacts.items())))
    assert all(len(found) == 1 for found in by_segment.values())
    second_of_march = {key[1]: next(iter(found)) for key, found in by_segment.items() if key[0] == date(2024, 3, 2)}
    assert len(set(second_of_march.values())) == 2  # scored twice, from other states of the sources


def test_one_alone_is_explained_as_among_many(lived: Lived, explained: list[Explanation]) -> None:
    for told in explained[::40]:
        assert explain(lived.project, told.prediction_id, lived.now, rows=None) == told


def test_corrections_were_really_made_after_predictions_were(lived: Lived, explained: list[Explanation]) -> None:
    assert any(told.scored_at < FIRST_CORRECTION for told in explained)
    assert any(row.until == FIRST_CORRECTION for row in lived.deliveries)
    assert any(row.until == SECOND_CORRECTION for row in lived.deliveries)

"""Gates and release rules by hand-made figures: what passes, what does not, and the words for it."""

from __future__ import annotations

import pytest

from ml_platform.declarations.release import Release
from ml_platform.registry.evaluation.reasons import merits, shortfalls
from ml_platform.registry.evaluation.release_rules import (
    Requirement,
    anchor_after,
    judge_gates,
    judge_release,
    requirements,
    rule_name,
    verdict_of,
)
from ml_platform.storage.artifact_kinds.evaluation import AnchorResult, Comparison, GateResult, ReleaseFacts
from tests.models.rows import shop_project

ANCHOR = AnchorResult(id="a" * 64, probability=0.97)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return shop_project(tmp_path_factory.mktemp("shop")).spec.models["late_parcel"]


def _tested(rule="refresh", days=14, gain=1.0, champion_gain=1.0, anchor=ANCHOR):
    return ReleaseFacts(rule=rule, days=days, gain=gain, champion_gain=champion_gain, anchor=anchor)


def _against(other="champion", probability=0.7, **more):
    return Comparison(other=other, difference=-0.0213, low=-0.051, high=0.012, probability=probability, **more)


def _judged(tested, *compared):
    by_other = {line.other: line for line in compared}
    return judge_release(tested, [Requirement(other, 0.9) for other in by_other], by_other)


def _asked(**tested):
    required = requirements(Release(), "c" * 64, ["baseline/rule", "baseline/ridge"], _tested(**tested))
    return [(item.other, item.confidence, item.margin) for item in required]


# Which rule, and what it needs ----------------------------------------------


def test_without_a_champion_the_rule_for_a_first_version_applies():
    assert rule_name("new", None) == "first"


def test_the_same_declaration_is_a_refresh_and_another_one_a_change():
    assert rule_name("same", "same") == "refresh"
    assert rule_name("new", "old") == "changed_declaration"


def test_a_first_version_must_beat_doing_nothing_and_each_baseline():
    assert _asked(rule="first", champion_gain=None, anchor=None) == [
        ("do_nothing", 0.95, 0.0),
        ("baseline/rule", 0.8, 0.0),
        ("baseline/ridge", 0.8, 0.0),
    ]


def test_a_changed_declaration_must_beat_the_champion_and_doing_nothing():
    assert _asked(rule="changed_declaration") == [("champion", 0.9, 0.0), ("do_nothing", 0.9, 0.0)]


def test_a_refresh_may_lose_two_per_cent_of_the_gain_to_the_champion_and_must_beat_the_anchor():
    assert _asked() == [("champion", 0.5, 0.02), ("anchor", 0.9, 0.0)]


@pytest.mark.parametrize("gain", [0.0, -0.3, None])
def test_where_the_champion_earns_nothing_or_cannot_be_run_a_refresh_must_surely_beat_doing_nothing(gain):
    assert ("do_nothing", 0.9, 0.0) in _asked(champion_gain=gain)


def test_the_anchor_itself_has_not_to_beat_itself():
    assert _asked(anchor={"id": "c" * 64, "probability": None}) == [("champion", 0.5, 0.02)]


def test_ignore_takes_an_opponent_out():
    release = Release.model_validate({"first": {"baselines": "ignore"}, "refresh": {"anchor": "ignore"}})
    first = requirements(release, "c", ["baseline/rule"], _tested("first", champion_gain=None, anchor=None))
    assert [(item.other, item.confidence) for item in first] == [("do_nothing", 0.95)]
    assert [item.other for item in requirements(release, "c", [], _tested())] == ["champion"]


# Judging ---------------------------------------------------------------------


def test_a_gate_on_a_figure_that_is_missing_does_not_hold(model):
    (gate,) = judge_gates(model, {"auc": None})
    assert gate == GateResult(name="auc", figure=None, limit=">= 0.55", passed=False)


def test_the_confidence_itself_is_enough():
    assert _judged(_tested(), _against(probability=0.9)).passed
    assert not _judged(_tested(), _against(probability=0.8999)).passed


def test_thirteen_days_and_a_missing_interval_keep_the_champion():
    assert not _judged(_tested(days=13), _against(probability=0.99)).passed
    declined = _judged(_tested(), _against(probability=None, declined="too few gains"))
    assert not declined.passed
    assert verdict_of([], declined, same=False) == "keep"


def test_a_challenger_that_earns_no_more_than_doing_nothing_is_not_released():
    assert not _judged(_tested(gain=0.0), _against(probability=0.99)).passed


def test_verdicts():
    won, lost = _judged(_tested(), _against(probability=0.95)), _judged(_tested(), _against(probability=0.5))
    assert verdict_of([], won, same=False) == "deploy"
    assert verdict_of([GateResult(name="auc", figure=0.5, limit=">= 0.55", passed=False)], won, same=False) == "keep"
    assert verdict_of([], lost, same=False) == "keep"
    assert verdict_of([], won, same=True) == "same"


def test_where_the_champion_loses_money_and_the_challenger_does_not_surely_earn_any_none_should_be_deployed():
    tested = _tested(gain=-0.98, champion_gain=-1.0)  # champion -1.00, challenger -0.98, doing nothing 0
    required = requirements(Release(), "c", [], tested)
    compared = {name: _against(name, probability=0.6) for name in ("champion", "anchor", "do_nothing")}
    assert verdict_of([], judge_release(tested, required, compared), same=False) == "deploy none"
    few = judge_release(tested.but(days=9), required, compared)
    assert verdict_of([], few, same=False) == "keep"  # too few days
    alone = judge_release(tested, [], {})
    assert verdict_of([], alone, same=True) == "deploy none"
    assert verdict_of([], alone, same=True, comparable=False) == "same"  # of its gain nothing can be said


@pytest.mark.parametrize("rule", ["first", "changed_declaration", "refresh"])
def test_a_rule_that_ignores_every_opponent_still_needs_an_interval_above_doing_nothing(rule):
    release = Release.model_validate(
        {
            "first": {"do_nothing": "ignore", "baselines": "ignore"},
            "changed_declaration": {"champion": "ignore", "do_nothing": "ignore"},
            "refresh": {"champion": "ignore", "anchor": "ignore"},
        }
    )
    tested = _tested(rule=rule, gain=0.001, champion_gain=None if rule == "first" else 1.0)
    required = requirements(release, "c", ["baseline/rule"], tested)
    assert [item.other for item in required] == ["do_nothing"]
    for line, passes in [
        (_against("do_nothing", probability=None, declined="too few gains"), False),
        (_against("do_nothing", probability=0.49), False),
        (_against("do_nothing", probability=0.51), True),
    ]:
        assert judge_release(tested, required, {"do_nothing": line}).passed is passes


# The anchor ------------------------------------------------------------------


def test_the_anchor_moves_only_to_a_version_that_beats_it_with_99_per_cent():
    def after(challenger: str, probability: float | None) -> str:
        return anchor_after(challenger, _tested(anchor=AnchorResult(id="old", probability=probability)))

    assert anchor_after("new", _tested(anchor=None)) == "new"
    assert (after("new", 0.9899), after("new", 0.99), after("old", None)) == ("old", "new", "old")


# Words -----------------------------------------------------------------------


def test_a_gate_that_is_missed_is_named_with_its_figure_and_limit(model):
    gates = judge_gates(model, {"auc": 0.5312})
    assert shortfalls(gates, _judged(_tested()), "EUR") == ["auc 0.5312, required: at least 0.55"]


def test_a_release_rule_that_is_missed_states_how_sure_it_is_and_how_sure_it_must_be():
    tested = _tested()
    required = requirements(Release(), "c", [], tested)
    compared = {"champion": _against(probability=0.41), "anchor": _against("anchor", probability=0.67891)}
    assert shortfalls([], judge_release(tested, required, compared), "EUR") == [
        "41 % sure that it keeps at least 98 % of the champion's gain, needs 50 % (difference −0.0213 EUR a row, "
        "95 % interval −0.051 to +0.012)",
        "67.8 % sure that it earns more than the anchor, needs 90 % (difference −0.0213 EUR a row, 95 % interval "
        "−0.051 to +0.012)",
    ]


def test_what_every_rule_needs_is_named_where_it_is_missing():
    release = _judged(_tested(days=9, gain=-0.2), _against(probability=None, declined="too few days: 9"))
    assert shortfalls([], release, "EUR") == [
        "9 days have test rows, a release needs 14: lengthen split.test",
        "the gain over doing nothing is −0.2 EUR a row, a release needs more than 0",
        "too few days: 9",
    ]


def test_an_opponent_that_cannot_be_run_is_a_reason_with_a_way_out():
    lacks = _against(probability=None, problem="the rows lack column a.b")
    release = _judged(_tested("changed_declaration", champion_gain=None), lacks)
    (reason,) = shortfalls([], release, "EUR")
    assert reason == (
        "the champion cannot be run on these rows: the rows lack column a.b. To release without that comparison, "
        "declare release: {changed_declaration: {champion: ignore}}"
    )


def test_what_speaks_for_a_release_names_figure_and_limit_too(model):
    line = Comparison(other="do_nothing", difference=2, low=1, high=3, probability=0.99)
    assert merits(judge_gates(model, {"auc": 0.7}), _judged(_tested("first"), line), "EUR") == [
        "auc 0.7, required: at least 0.55",
        "99 % sure that it earns more than doing nothing, needs 90 % (difference +2 EUR a row, 95 % interval +1 to +3)",
    ]

import pytest

from ml_platform.evaluation.judgement import (
    Comparison,
    judge_gates,
    judge_release,
    merits,
    opponents,
    refusals,
    rule_name,
    rule_of,
)
from ml_platform.spec.model import Release, ReleaseRule
from tests.training.rows import shop_project


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return shop_project(tmp_path_factory.mktemp("shop")).spec.models["late_parcel"]


def _against(probability):
    return Comparison("champion", -0.0213, -0.051, 0.012, probability)


def test_without_a_champion_the_rule_for_a_first_version_applies():
    assert rule_name("new", None) == "first"


def test_the_same_declaration_is_a_refresh_and_another_one_a_change():
    assert rule_name("same", "same") == "refresh"
    assert rule_name("new", "old") == "changed_declaration"


def test_baselines_are_opponents_one_by_one():
    rule = ReleaseRule(better_than=("do_nothing", "baselines"))
    assert opponents(rule, ["rule", "ridge"]) == ["do_nothing", "baseline/rule", "baseline/ridge"]


def test_a_gate_on_a_figure_that_is_missing_does_not_hold(model):
    (gate,) = judge_gates(model, {"auc": None})
    assert gate == {"name": "auc", "figure": None, "limit": ">= 0.55", "passed": False}


def test_a_gate_that_is_missed_is_refused_by_its_figure_and_limit(model):
    gates = judge_gates(model, {"auc": 0.5312})
    release = judge_release("first", ReleaseRule(better_than=("do_nothing",)), [])
    assert refusals(gates, release, "EUR") == ["auc is 0.5312, the gate asks for >= 0.55"]


def test_a_release_rule_that_is_missed_is_refused_by_its_probability_and_difference(model):
    rule = rule_of(Release(), "refresh")
    release = judge_release("refresh", rule, [_against(0.41)])
    assert not release["passed"]
    assert refusals(judge_gates(model, {"auc": 0.7}), release, "EUR") == [
        "against champion the probability of earning more, or at most 0.5 % less, is 0.41, the release rule refresh "
        "asks for 0.5 (difference -0.0213 EUR a row, 95 % interval -0.051 to +0.012)"
    ]


def test_the_confidence_itself_is_enough():
    rule = ReleaseRule(better_than=("champion",), confidence=0.9)
    assert judge_release("changed_declaration", rule, [_against(0.9)])["passed"]
    assert not judge_release("changed_declaration", rule, [_against(0.8999)])["passed"]


def test_an_opponent_that_cannot_be_run_refuses_and_says_how_to_go_on(model):
    rule = rule_of(Release(), "changed_declaration")
    release = judge_release("changed_declaration", rule, [Comparison("champion", problem="the rows lack column a.b")])
    (reason,) = refusals(judge_gates(model, {"auc": 0.7}), release, "EUR")
    assert reason == (
        "champion cannot be run on these rows: the rows lack column a.b. To release without that comparison, declare "
        "release.changed_declaration.better_than: [do_nothing, baselines]"
    )


def test_what_speaks_for_a_release_names_figure_and_limit_too(model):
    release = judge_release(
        "first", ReleaseRule(better_than=("do_nothing",)), [Comparison("do_nothing", 2, 1, 3, 0.99)]
    )
    assert merits(judge_gates(model, {"auc": 0.7}), release, "EUR") == [
        "auc is 0.7, the gate asks for >= 0.55",
        "against do_nothing the probability of earning more is 0.99, the release rule first asks for 0.5 (difference "
        "+2 EUR a row, 95 % interval +1 to +3)",
    ]

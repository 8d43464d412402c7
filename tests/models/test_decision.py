import numpy as np
import pandas as pd
import pytest

from ml_platform.models.decision import Decision

FRAME = pd.DataFrame({"orders.seats": [100.0, 50.0, np.nan], "weather.wind": [1.0, 2.0, 3.0]})
ACTIONS = {"rebook": "-150 + label * 0.4 * seats * 10", "wait": "0"}
REBOOK = Decision("orders", ACTIONS, None, "wait")
PINBALL = Decision("orders", {}, "-2 * max(label - prediction, 0) - max(prediction - label, 0)", "weather.wind * 2")


def _recommended(decision, frame, scores, classes):
    return decision.best(decision.expected_values(frame, scores, classes))


def _two(*scores):
    return np.column_stack([1 - np.array(scores), np.array(scores)])


def test_the_action_with_the_highest_expected_payoff_is_recommended():
    recommended = _recommended(REBOOK, FRAME.iloc[:2], _two(0.5, 0.5), (False, True))
    # Row 0: -150 + 0.5 * 400 = 50 beats waiting; row 1: -150 + 0.5 * 200 = -50 does not.
    assert recommended["action"].tolist() == ["rebook", "wait"]
    assert recommended["expected_value"].tolist() == [50.0, 0.0]


def test_a_tie_goes_to_the_action_that_is_declared_first():
    recommended = _recommended(REBOOK, FRAME.iloc[:1], _two(0.375), (False, True))
    assert recommended["action"].tolist() == ["rebook"]
    swapped = Decision("orders", dict(reversed(ACTIONS.items())), None, "wait")
    assert _recommended(swapped, FRAME.iloc[:1], _two(0.375), (False, True))["action"].tolist() == ["wait"]


def test_where_a_payoff_is_null_nothing_is_done_and_nothing_is_expected():
    recommended = _recommended(REBOOK, FRAME, _two(0.9, 0.9, 0.9), (False, True))
    assert recommended["action"].tolist() == ["rebook", "rebook", "wait"]
    assert np.isnan(recommended["expected_value"][2])


def test_several_classes_are_weighted_by_their_probabilities():
    decision = Decision("orders", {"fly": "where(label == 'sun', 10, -5)", "stay": "1"}, None, "stay")
    scores = np.array([[0.2, 0.3, 0.5], [0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
    recommended = _recommended(decision, FRAME, scores, ("rain", "snow", "sun"))
    # 0.5 * 10 - 0.5 * 5 = 2.5; 0.1 * 10 - 0.9 * 5 = -3.5; -5.
    assert recommended["action"].tolist() == ["fly", "stay", "stay"]
    assert recommended["expected_value"].tolist() == pytest.approx([2.5, 1.0, 1.0])


def test_what_a_row_earned_follows_from_the_truth_and_the_action_that_was_taken():
    taken = np.array(["rebook", "rebook", "wait"], dtype=object)
    earned = REBOOK.value(FRAME, np.array([True, False, True]), taken)
    assert earned.tolist() == [250.0, -150.0, 0.0]


def test_an_action_that_is_not_declared_has_no_value():
    earned = REBOOK.value(FRAME.iloc[:1], np.array([True]), np.array(["fly"], dtype=object))
    assert np.isnan(earned).all()


def test_a_regression_earns_by_truth_and_prediction():
    earned = PINBALL.value(FRAME, np.array([10.0, 10.0, 10.0]), np.array([7.0, 12.0, np.nan]))
    assert earned[:2].tolist() == [-6.0, -2.0]
    assert np.isnan(earned[2])


def test_a_regression_recommends_no_action_and_expects_no_value():
    recommended = _recommended(PINBALL, FRAME, np.array([1.0, 2.0, 3.0]), ())
    assert recommended.isna().all().all()


def test_doing_nothing_is_an_action_or_an_expression_of_the_prediction():
    assert REBOOK.nothing(FRAME).tolist() == ["wait"] * 3
    assert PINBALL.nothing(FRAME).tolist() == [2.0, 4.0, 6.0]
    assert Decision("orders", {}, "label - prediction", "0").nothing(FRAME).tolist() == [0.0] * 3


def test_the_columns_that_payoffs_read_are_the_populations_where_they_have_no_dot():
    assert REBOOK.columns == ("orders.seats",)
    assert PINBALL.columns == ("weather.wind",)


def test_a_decision_comes_back_from_a_manifest_with_its_actions_in_order():
    restored = Decision.from_json(REBOOK.to_json())
    assert restored == REBOOK
    assert list(restored.actions) == ["rebook", "wait"]

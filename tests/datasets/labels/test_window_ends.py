"""Where the window of a label ends, and what is not known in it."""

import pytest

from ml_platform.core.errors import FeatureError
from tests.datasets.labels.window_labels import label_of, sale

# The ends of the window ----------------------------------------------------------

HOURS = {"count": True, "after": "1h", "within": "3h", "settle": "0h"}
COMPLETE = sale("end", 50, shop="z")


def test_an_event_at_the_window_s_open_start_is_outside_and_at_its_closed_end_inside(tmp_path):
    rows = [sale("r", 10), COMPLETE]
    # The window of a question at t is (t + 1h, t + 3h]: the event at 10:00 is in it from t = 7:00 to before t = 9:00.
    actual = label_of(tmp_path, HOURS, rows, [("a", hour) for hour in (6.999, 7, 8.999, 9)])
    assert [label for label, _ in actual] == [0, 1, 1, 0]


def test_an_event_at_the_question_itself_is_not_after_it(tmp_path):
    declared = {"count": True, "within": "3h", "settle": "0h"}
    assert label_of(tmp_path, declared, [sale("r", 10), COMPLETE], [("a", 10), ("a", 9.999)]) == [
        (0, "known"),
        (1, "known"),
    ]


# What is not known ---------------------------------------------------------------


def test_an_entity_without_rows_has_an_answer_only_where_the_source_is_complete(tmp_path):
    rows = [sale("r", 10), sale("s", 20, shop="z")]
    asked = [("never", 15), ("never", 17), ("never", 17.001)]
    assert label_of(tmp_path, HOURS, rows, asked) == [(0, "known"), (0, "known"), (None, "incomplete")]


def test_a_source_that_may_be_silent_is_complete_for_as_long_as_its_freshness(tmp_path):
    rows = [sale("r", 10), sale("s", 20, shop="z")]
    label = label_of(tmp_path, HOURS, rows, [("never", 18), ("never", 18.001)], freshness="1h")
    assert label == [(0, "known"), (None, "incomplete")]


def test_a_row_known_after_the_horizon_never_makes_its_question_negative(tmp_path):
    churn = {"none": "amount > 0", "within": "3h", "settle": "1h"}
    late, in_time = sale("late", 10, seen=13), sale("early", 10.5, seen=11)
    asked = [("a", 8.5)]  # settled at 12:30, when only the other row is known
    assert label_of(tmp_path / "x", churn, [late, COMPLETE], asked) == [(None, "late")]
    assert label_of(tmp_path / "y", churn, [late, in_time, COMPLETE], asked) == [(False, "known")]


def test_a_label_is_what_was_known_when_it_settled_whatever_was_corrected_later(tmp_path):
    first, corrected = sale("r", 10, amount=3.0), sale("r", 10, seen=30, amount=99.0)
    declared = {"sum": "amount", "within": "3h", "settle": "1h"}
    assert label_of(tmp_path, declared, [first, corrected, COMPLETE], [("a", 9)]) == [(3.0, "known")]


def test_several_aggregates_are_combined_by_an_expression(tmp_path):
    rows = [sale("r", 10, amount=3.0), sale("s", 11, amount=5.0), COMPLETE]
    declared = {
        "within": "4h",
        "settle": "0h",
        "aggregates": {"spend": {"sum": "amount"}, "large": {"count": True, "where": "amount > 4"}},
        "expression": "spend * 10 + large",
    }
    label = label_of(tmp_path, declared, rows, [("a", 9), ("a", 10), ("b", 9)])
    assert label == [(81.0, "known"), (51.0, "known"), (0.0, "known")]


def test_a_sum_that_is_too_large_names_the_label(tmp_path):
    rows = [sale(f"r{number}", 10 + number / 100, items=2 * 10**18 * (-1) ** number) for number in range(30)]
    declared = {"std": "items", "within": "6h", "settle": "0h"}
    with pytest.raises(FeatureError, match="the label of only: a value is too large for exact sums"):
        label_of(tmp_path, declared, [*rows, COMPLETE], [("a", 9)])

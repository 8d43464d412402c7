"""Expectations held against rows in pieces give what they give on one frame of all rows."""

from functools import partial

import pyarrow as pa
import pytest

from ml_platform.declarations.expectations import KNOWN_EXPECTATIONS, ROW_WISE
from ml_platform.declarations.source import Expectation
from ml_platform.sources.checks.batched import Rows, check_rows, sees_new_rows
from ml_platform.sources.checks.results import CheckResult
from ml_platform.sources.checks.run import run_expectations

COLUMNS = {"id": list(range(10)), "n": [1, 2, None, 4, 5, 9, 2, None, 3, 8], "text": list("aabbccddee")}
ROWS = pa.table(COLUMNS)


def batches():
    return ROWS.to_batches(max_chunksize=2)


def held(at_once, *expectations):
    run = partial(run_expectations, key=["id"])
    return check_rows(run, expectations, Rows(ROWS.num_rows, batches), at_once=at_once)


def expect(name, **args):
    return Expectation(expect=name, args=args)


CASES = [
    expect("column_values_to_be_between", column="n", max_value=9),
    expect("column_values_to_be_between", column="n", max_value=4),
    expect("column_values_to_be_between", column="n", max_value=4, mostly=0.5),
    expect("column_values_to_be_between", column="n", max_value=4, mostly=0.75),
    expect("column_values_to_not_be_null", column="n"),
    expect("column_values_to_not_be_null", column="n", mostly=0.8),
    expect("column_values_to_be_in_set", column="text", value_set=["a", "b"]),
    expect("column_values_to_be_unique", column="id"),
    expect("column_values_to_be_unique", column="text"),
    expect("column_mean_to_be_between", column="n", min_value=4.2, max_value=4.3),
    expect("column_sum_to_be_between", column="n", min_value=34, max_value=34, row_condition="id >= 0"),
    expect("table_row_count_to_equal", value=10),
    expect("table_columns_to_match_set", column_set=["id", "n", "text"]),
]
FACTS = ("element_count", "unexpected_count", "observed_value", "problem")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.expect} {case.args}")
def test_pieces_give_the_result_of_the_whole(case):
    [whole], [pieces] = held(10, case), held(4, case)
    assert (pieces.name, pieces.passed, pieces.severity) == (whole.name, whole.passed, whole.severity)
    assert [pieces.summary.get(fact) for fact in FACTS] == [whole.summary.get(fact) for fact in FACTS]


def test_results_keep_the_order_of_the_declaration_and_their_names():
    unique, between = CASES[8], CASES[1]
    names = [result.name for result in held(4, between, unique, between)]
    assert names == [result.name for result in held(10, between, unique, between)]
    assert names[0] != names[2]


def test_failing_rows_of_all_pieces_are_shown():
    [result] = held(4, expect("column_values_to_be_between", column="n", max_value=4))
    assert [row["id"] for row in result.failing_rows] == [4, 5, 9]


def test_the_summary_shows_how_rows_were_seen():
    in_pieces, whole = held(4, CASES[0], CASES[7])
    assert in_pieces.summary["pieces"] == 3
    assert whole.summary["frame"] == "all 10 rows of the source"


def test_what_cannot_be_evaluated_has_not_passed():
    [result] = held(4, expect("column_values_to_match_regex", column="text", regex="("))
    assert not result.passed
    assert "could not be evaluated" in result.summary["problem"]


def test_no_frame_is_larger_than_the_limit():
    sizes = []

    def run(expectations, frame):
        sizes.append((len(frame), list(frame.columns)))
        return [CheckResult("x", True, summary={"unexpected_count": 0}) for _ in expectations]

    check_rows(run, [CASES[0], CASES[9]], Rows(10, batches), at_once=5)
    assert sizes == [(4, ["id", "n", "text"]), (4, ["id", "n", "text"]), (2, ["id", "n", "text"]), (10, ["n"])]


def test_expectations_about_all_rows_see_the_whole_source_and_those_about_single_rows_the_new_ones():
    new = Rows(2, lambda: ROWS.slice(8).to_batches())
    cases = [expect("table_row_count_to_equal", value=10), CASES[1], CASES[8], expect("column_to_exist", column="id")]
    cases += [expect("column_min_to_be_between", column="n", max_value=1)]
    run = partial(run_expectations, key=["id"])
    results = check_rows(run, cases, new, lambda: Rows(10, batches), key=["id"])
    assert [result.passed for result in results] == [True, False, False, True, True]
    assert [row["id"] for row in results[1].failing_rows] == [9]  # n is 3 and 8 in the new rows
    assert [set(row) for row in results[2].failing_rows[:1]] == [{"id", "text"}]
    alone = check_rows(run, cases, new)
    assert [result.passed for result in alone] == [False, False, False, True, False]


def test_only_row_counts_uniqueness_orders_and_figures_need_the_whole_source():
    alone = {name for name in KNOWN_EXPECTATIONS if sees_new_rows(expect(name))}
    assert set(KNOWN_EXPECTATIONS) - alone == {
        *(
            name
            for name in KNOWN_EXPECTATIONS
            if name.startswith(("column_distinct", "column_proportion", "table_row"))
        ),
        *(f"column_{figure}_to_be_between" for figure in ("max", "mean", "median", "min", "stdev", "sum")),
        "column_kl_divergence_to_be_less_than",
        "column_most_common_value_to_be_in_set",
        "column_quantile_values_to_be_between",
        "column_type_to_be",
        "column_unique_value_count_to_be_between",
        "column_value_z_scores_to_be_less_than",
        "column_values_to_be_decreasing",
        "column_values_to_be_in_type_list",
        "column_values_to_be_increasing",
        "column_values_to_be_of_type",
        "column_values_to_be_unique",
        "column_values_to_not_be_outliers",
        "compound_columns_to_be_unique",
    }


def test_only_expectations_about_single_rows_are_run_in_pieces():
    whole = {"column_values_to_be_unique", "column_values_to_be_increasing", "compound_columns_to_be_unique"}
    whole |= {"column_value_z_scores_to_be_less_than", "column_values_to_not_be_outliers", "column_max_to_be_between"}
    assert whole <= set(KNOWN_EXPECTATIONS)
    assert not whole & ROW_WISE
    assert set(KNOWN_EXPECTATIONS) > ROW_WISE

"""Declared expectations run through Great Expectations, and their results carry the failing rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.declarations.expectations import KNOWN_EXPECTATIONS, check_names, expectation_problem
from ml_platform.declarations.source import Expectation
from ml_platform.sources.checks.run import run_expectations
from tests.sources.checks.expectation_cases import CASES, FRAME

# Great Expectations has these for SQL only, or for two data sources.
UNUSED = {
    "column_values_to_match_like_pattern",
    "column_values_to_match_like_pattern_list",
    "column_values_to_not_match_like_pattern",
    "column_values_to_not_match_like_pattern_list",
    "query_results_to_match_comparison",
    "table_row_count_to_equal_other_table",
}
NEVER_DECLARED = {"id", "meta", "notes", "result_format", "description", "catch_exceptions", "rendered_content"}
NEVER_DECLARED |= {"severity", "windows", "batch_id", "condition_parser", "library_metadata"}


def test_the_known_expectations_and_their_arguments_are_those_of_the_library() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from great_expectations.expectations.registry import (
            get_expectation_impl,
            list_registered_expectation_implementations,
        )

    registered = {name.removeprefix("expect_") for name in list_registered_expectation_implementations()}
    assert set(KNOWN_EXPECTATIONS) == {name for name in registered if "unexpected_rows" not in name} - UNUSED
    for name, arguments in KNOWN_EXPECTATIONS.items():
        fields = get_expectation_impl(f"expect_{name}").__fields__
        assert set(arguments.required + arguments.optional) == set(fields) - NEVER_DECLARED, name
        assert {field for field, actual in fields.items() if actual.required} <= set(arguments.required), name


def test_every_known_expectation_passes_and_fails_as_it_should() -> None:
    assert set(CASES) == set(KNOWN_EXPECTATIONS)
    passing = run_expectations([Expectation(expect=name, args=good) for name, (good, _) in CASES.items()], FRAME)
    failing = run_expectations([Expectation(expect=name, args=bad) for name, (_, bad) in CASES.items()], FRAME)
    assert [(result.name, result.summary) for result in passing if not result.passed] == []
    assert [(result.name, result.summary) for result in failing if result.passed] == []
    summarized = {result.name: result.summary["problem"] for result in failing}
    assert [name for name, problem in summarized.items() if "could not" in problem] == []
    for good, _ in CASES.values():
        assert expectation_problem(Expectation(expect="table_row_count_to_equal", args={"value": 1})) is None, good
    for name, (good, _) in CASES.items():
        assert expectation_problem(Expectation(expect=name, args=good), list(FRAME.columns)) is None


def test_failing_rows_show_key_and_named_columns_and_are_at_most_ten() -> None:
    frame = pd.DataFrame({"key": range(100), "other": 1, "amount": [-1.0] * 30 + [float("nan")] + [5.0] * 69})
    between = Expectation(expect="column_values_to_be_between", args={"column": "amount", "min_value": 0})
    (result,) = run_expectations([between], frame.iloc[::-1], key=["key"])
    assert not result.passed
    assert result.severity == "error"
    assert result.summary["problem"] == "failed for 30 of 100 rows"
    assert len(result.failing_rows) == 10
    assert result.failing_rows[0] == {"key": 29, "amount": -1.0}
    (without_key,) = run_expectations([between], frame)
    assert without_key.failing_rows[0] == {"amount": -1.0}


def test_mostly_and_row_condition_are_passed_on() -> None:
    frame = pd.DataFrame({"kind": ["a", "a", "b"], "amount": [1.0, 2.0, -5.0]})
    args = {"column": "amount", "min_value": 0}
    results = run_expectations(
        [
            Expectation(expect="column_values_to_be_between", args={**args, "mostly": 0.6}),
            Expectation(expect="column_values_to_be_between", args={**args, "row_condition": "kind == 'a'"}),
            Expectation(expect="column_values_to_be_between", args={**args, "row_condition": "kind == 'b'"}),
        ],
        frame,
    )
    assert [result.passed for result in results] == [True, True, False]
    assert results[2].failing_rows == ({"amount": -5.0},)


def test_texts_beside_a_timestamp_column_are_instants_in_utc() -> None:
    since = Expectation(
        expect="column_values_to_be_between",
        args={"column": "at", "min_value": "2024-01-02", "max_value": "2024-02-01T00:00:00Z"},
    )
    newest = Expectation(expect="column_max_to_be_between", args={"column": "at", "min_value": "2024-01-04T00:00:00Z"})
    one_of = Expectation(expect="column_values_to_be_in_set", args={"column": "at", "value_set": ["2024-01-01"]})
    first, second, third = run_expectations([since, newest, one_of], FRAME)
    assert first.summary["problem"] == "failed for 1 of 4 rows"
    assert first.failing_rows == ({"at": "2024-01-01T00:00:00.000000Z"},)
    assert second.passed
    assert third.summary["problem"] == "failed for 3 of 4 rows"


def test_an_expectation_that_cannot_be_evaluated_has_not_passed() -> None:
    results = run_expectations(
        [
            Expectation(expect="column_values_to_be_between", args={"column": "nowhere", "min_value": 0}),
            Expectation(expect="column_values_to_be_between", args={"column": "n", "min_value": [1]}),
            Expectation(expect="no_such_thing", args={}),
            Expectation(expect="column_values_to_be_unique", args={"column": "n"}, severity="warn"),
        ],
        FRAME,
    )
    assert [result.passed for result in results] == [False, False, False, True]
    assert results[0].summary["problem"] == (
        'could not be evaluated: Error: The column "nowhere" in BatchData does not exist.'
    )
    assert all("could not be evaluated" in result.summary["problem"] for result in results[:3])
    assert results[3].severity == "warn"


def test_results_are_plain_json() -> None:
    results = run_expectations([Expectation(expect=name, args=bad) for name, (_, bad) in CASES.items()], FRAME)
    for result in results:
        json.dumps([result.summary, result.failing_rows], allow_nan=False)


def test_a_frame_without_rows_can_be_checked() -> None:
    results = run_expectations(
        [
            Expectation(expect="column_values_to_not_be_null", args={"column": "n"}),
            Expectation(expect="table_row_count_to_be_between", args={"min_value": 1}),
        ],
        FRAME.iloc[:0],
    )
    assert [result.passed for result in results] == [True, False]


def test_no_expectations_need_no_library() -> None:
    code = (
        "import sys, pandas; from ml_platform.sources.checks.run import run_expectations;"
        "assert run_expectations([], pandas.DataFrame()) == ();"
        "assert 'great_expectations' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_library_leaves_no_file_and_prints_no_word(tmp_path: Path) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    code = (
        "import pandas; from ml_platform.sources.checks.run import run_expectations;"
        "from ml_platform.declarations.source import Expectation;"
        "e = Expectation(expect='column_values_to_not_be_null', args={'column': 'x'});"
        "print(run_expectations([e], pandas.DataFrame({'x': [1]}))[0].passed)"
    )
    environment = {**os.environ, "HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=here, env=environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)
    assert list(home.iterdir()) == []
    assert list(here.iterdir()) == []


def test_check_names_are_plain_words_and_each_is_used_once() -> None:
    same = Expectation(expect="column_values_to_be_between", args={"column": "a.b", "min_value": 0})
    table = Expectation(expect="table_row_count_to_equal", args={"value": 1})
    pair = Expectation(expect="column_pair_values_to_be_equal", args={"column_A": "x", "column_B": "y"})
    assert check_names([same, table, same, pair, same]) == (
        "column_values_to_be_between_a_b",
        "table_row_count_to_equal",
        "column_values_to_be_between_a_b_2",
        "column_pair_values_to_be_equal_x_y",
        "column_values_to_be_between_a_b_3",
    )


@pytest.mark.parametrize(
    ("expectation", "problem"),
    [
        (
            Expectation(expect="column_values_to_not_be_nul", args={}),
            "unknown expectation 'column_values_to_not_be_nul'. Did you mean column_values_to_not_be_null?",
        ),
        (
            Expectation(expect="column_values_to_be_between", args={"column": "n", "min_vale": 1}),
            "column_values_to_be_between has no argument 'min_vale'. Did you mean min_value?",
        ),
        (
            Expectation(expect="column_values_to_be_in_set", args={"column": "n"}),
            "column_values_to_be_in_set needs the argument value_set. Give it under args",
        ),
        (
            Expectation(expect="column_values_to_be_unique", args={"column": "txt"}),
            "column_values_to_be_unique names the unknown column 'txt'. Did you mean text?",
        ),
    ],
)
def test_a_wrong_declaration_is_reported_with_the_nearest_name(expectation: Expectation, problem: str) -> None:
    assert expectation_problem(expectation, list(FRAME.columns)) == problem

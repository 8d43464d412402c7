"""Arguments of expectations are checked without the library, and the library itself is asked whether that is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml_platform.declarations.checks.expectation_arguments import argument_faults
from ml_platform.declarations.expectations import KNOWN_EXPECTATIONS
from ml_platform.declarations.source import ColumnType, Expectation
from ml_platform.sources.checks.run import run_expectations
from tests.declarations.ferry import edit, faults, write_ferry
from tests.sources.checks.expectation_cases import CASES, FRAME

COLUMNS = list(FRAME.columns)
TYPES: dict[str, ColumnType] = {
    **dict.fromkeys(("n", "m", "sevens"), "int"),
    **dict.fromkeys(("key", "text", "json", "day", "none"), "string"),
    "at": "timestamp",
}
PROBES: list[Any] = [None, True, 0, -1, 0.5, 1.5, "x", "2024-01-01", [], [1], [["n", 1]], {}, "n > 0"]
TRIED = ("between", "mostly", "less_than", "regex", "equal", "outliers", "strftime", "increasing", "row_count")


def declared(expect: str, **arguments: Any) -> Expectation:
    return Expectation(expect=expect, args=arguments)


def faults_of(expect: str, **arguments: Any) -> list[tuple[str, str]]:
    return list(argument_faults(declared(expect, **arguments), COLUMNS, TYPES))


def test_arguments_with_which_the_library_passes_or_fails_have_no_fault() -> None:
    for name, cases in CASES.items():
        for arguments in cases:
            assert faults_of(name, **arguments) == [], name


def test_what_the_library_cannot_evaluate_is_a_fault_of_the_declaration() -> None:
    unseen = {"internal_weight_holdout", "type_"}
    tried: list[Expectation] = []
    for name, (good, _) in CASES.items():
        known = KNOWN_EXPECTATIONS[name]
        arguments = {*known.required, *known.optional} - {"column", "column_A", "column_B", "column_list", "column_set"}
        if any(part in name for part in TRIED):
            tried += [declared(name, **{**good, each: value}) for each in arguments - unseen for value in PROBES]
    clean = [one for one in tried if not list(argument_faults(one, COLUMNS, TYPES))]
    assert len(clean) > 100
    results = run_expectations(clean, FRAME)
    broken = [
        one for one, result in zip(clean, results, strict=True) if "could not" in result.summary.get("problem", "")
    ]
    assert broken == []


@pytest.mark.parametrize(
    ("expect", "arguments", "fault"),
    [
        (
            "column_values_to_be_between",
            {"column": "n", "min_value": 5, "max_value": 1},
            ("max_value", "must be at least min_value 5, found 1. No value can be between them"),
        ),
        (
            "column_values_to_be_between",
            {"column": "n", "min_value": 5, "max_value": 5, "strict_min": True},
            ("max_value", "must be above min_value 5, found 5. No value can be between them"),
        ),
        (
            "column_values_to_be_between",
            {"column": "at", "min_value": "2024-02-01", "max_value": "2024-01-01T00:00:00Z"},
            (
                "max_value",
                "must be at least min_value '2024-02-01', found '2024-01-01T00:00:00Z'. No value can be between them",
            ),
        ),
        (
            "column_values_to_be_between",
            {"column": "n"},
            ("", "column_values_to_be_between needs min_value or max_value. Give one under args"),
        ),
        (
            "column_values_to_not_be_null",
            {"column": "n", "mostly": 95},
            ("mostly", "must be a number from 0 to 1, found 95"),
        ),
        (
            "column_values_to_match_regex",
            {"column": "text", "regex": "[a-"},
            (
                "regex",
                "'[a-' is not a regular expression: unterminated character set at position 0. Correct it",
            ),
        ),
        (
            "column_values_to_be_in_set",
            {"column": "text", "value_set": ["1", 2]},
            ("value_set", "must be a text, like text of type string, found 2. Put it in quotes"),
        ),
        (
            "column_mean_to_be_between",
            {"column": "text", "min_value": 1},
            ("column", "must be a number for column_mean_to_be_between, found text of type string"),
        ),
        (
            "column_values_to_be_unique",
            {"column": "n", "row_condition": "amount > 3"},
            ("row_condition", "names the unknown column 'amount'."),
        ),
        (
            "column_quantile_values_to_be_between",
            {"column": "n", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[3, 2]]}},
            ("quantile_ranges", "needs value_ranges of a lower and an upper number (or null), found [3, 2]"),
        ),
    ],
)
def test_a_wrong_argument_is_reported(expect: str, arguments: Any, fault: tuple[str, str]) -> None:
    [(name, text)] = faults_of(expect, **arguments)
    assert name == fault[0]
    assert text.startswith(fault[1])


def test_a_sum_may_be_between_numbers_beyond_32_bits() -> None:
    assert faults_of("column_sum_to_be_between", column="n", min_value=10**10, max_value=10**12) == []


def test_a_fault_is_placed_at_its_argument(tmp_path: Path) -> None:
    ferry = write_ferry(tmp_path / "ferry")
    old = "  - {expect: column_values_to_not_be_null, args: {column: ship}}\n"
    limits = "      min_value: 9\n      max_value: 3\n"
    new = f"  - expect: column_values_to_be_between\n    args:\n      column: minutes_late\n{limits}"
    edit(ferry, "sources/arrivals.yaml", old, new)
    assert faults(ferry) == [
        "sources/arrivals.yaml:21:18: expectations[0].args.max_value must be at least min_value 9, found 3. "
        "No value can be between them."
    ]

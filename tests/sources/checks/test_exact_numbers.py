"""Expectations on whole numbers that no float has, beside the same comparisons of Python's integers."""

import copy
import pickle

import pandas as pd
import pyarrow as pa
import pytest

from ml_platform.core.frames import exact_frame
from ml_platform.declarations.source import Expectation
from ml_platform.sources.checks.exact_numbers import WholeLimit
from ml_platform.sources.checks.run import run_expectations

BIG = 2**53
WORLDS = {
    "beside a null": [BIG, None, BIG + 1, -5],
    "below zero": [-BIG - 1, -BIG],
    "a sum of smaller ones beyond 64 bits": [2**52] * 2_100,
}


def numbers_near(values):
    """Return the largest and the summed value, each with its neighbors."""
    known = [value for value in values if value is not None]
    return sorted({figure + step for figure in (max(known), sum(known)) for step in (-1, 0, 1)})


def expected_of(values):
    """Return expectations with whether each holds, as Python's integers compare."""
    known = [value for value in values if value is not None]
    for limit in numbers_near(values):
        for name, figure in (("max", max(known)), ("min", min(known)), ("sum", sum(known))):
            kind = f"column_{name}_to_be_between"
            yield kind, {"column": "k", "max_value": limit}, figure <= limit
            yield kind, {"column": "k", "min_value": limit}, figure >= limit
            yield kind, {"column": "k", "min_value": limit, "strict_min": True}, figure > limit
        yield "column_values_to_be_between", {"column": "k", "max_value": limit}, max(known) <= limit
        yield "column_values_to_be_between", {"column": "k", "min_value": limit}, min(known) >= limit
        yield "column_values_to_not_be_in_set", {"column": "k", "value_set": [limit]}, limit not in known
        pair = {"column_list": ["k", "one"], "sum_total": limit + 1, "ignore_row_if": "any_value_is_missing"}
        yield "multicolumn_sum_to_equal", pair, {*known} == {limit}
        rows = {"row_condition": f"k < {limit}"}
        below = [value for value in known if value < limit]
        if below:
            yield "column_max_to_be_between", {"column": "k", "max_value": limit - 1, **rows}, True
            yield "column_max_to_be_between", {"column": "k", "max_value": max(below) - 1, **rows}, False
    yield "column_values_to_be_unique", {"column": "k"}, len({*known}) == len(known)
    yield "column_values_to_not_be_null", {"column": "k"}, None not in values


@pytest.mark.parametrize("values", WORLDS.values(), ids=list(WORLDS))
def test_expectations_compare_and_add_whole_numbers_exactly(values):
    frame = exact_frame(pa.table({"k": pa.array(values, pa.int64()), "one": [1] * len(values)}))
    cases = list(expected_of(values))
    declared = [Expectation(expect=name, args=args) for name, args, _ in cases]
    results = run_expectations(declared, frame)
    passed = [result.passed for result in results]
    assert [case[:2] for case, is_passed in zip(cases, passed, strict=True) if is_passed != case[2]] == []
    assert not [result.summary for result in results if "evaluated" in result.summary.get("problem", "")]


def test_expectations_about_types_see_the_types_of_the_rows():
    frame = pd.DataFrame({"k": [2**62, 1]})
    declared = [
        Expectation(expect=name, args={"column": "k", "type_": "int64"})
        for name in ("column_type_to_be", "column_values_to_be_of_type")
    ]
    assert [result.passed for result in run_expectations(declared, frame)] == [True, True]


def test_a_limit_keeps_its_whole_number_through_copies():
    for limit in (copied := WholeLimit(BIG + 1), copy.deepcopy(copied), pickle.loads(pickle.dumps(copied))):
        assert limit > BIG
        assert limit != BIG
        assert limit == BIG + 1
        assert hash(limit) == hash(BIG + 1)

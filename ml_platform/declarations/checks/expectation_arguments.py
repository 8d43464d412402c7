"""What the arguments of an expectation may be, without importing the library.

A test builds the library's own expectations with arguments within these rules, and with arguments beyond them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ml_platform.core.errors import suggest
from ml_platform.declarations.allowed_values import read_time, value_fault
from ml_platform.declarations.source import ColumnType, Expectation

_COUNT = "int [0, inf)"
_SHARE = "number [0, 1]"
_BOUND = "number | time"
_PAIRS_MISSING = "both_values_are_missing either_value_is_missing neither"
_ROWS_MISSING = "all_values_are_missing any_value_is_missing never"
_RULES: Mapping[str, str] = {
    "allow_relative_error": "lower higher midpoint nearest linear",
    "bucketize_data": "bool",
    "column": "text",
    "column_A": "text",
    "column_B": "text",
    "column_index": _COUNT,
    "column_list": "texts",
    "column_set": "texts",
    "double_sided": "bool",
    "exact_match": "bool",
    "ignore_row_if": _ROWS_MISSING,
    "internal_weight_holdout": _SHARE,
    "json_schema": "mapping",
    "match_on": "any all",
    "max_value": _BOUND,
    "method": "iqr std",
    "min_value": _BOUND,
    "mostly": _SHARE,
    "multiplier": "number (0, inf)",
    "or_equal": "bool",
    "partition_object": "mapping",
    "quantile_ranges": "mapping",
    "regex": "text",
    "regex_list": "texts",
    "row_condition": "text",
    "strftime_format": "text",
    "strict_max": "bool",
    "strict_min": "bool",
    "strictly": "bool",
    "sum_total": "number",
    "tail_weight_holdout": _SHARE,
    "threshold": "number [0, inf)",
    "ties_okay": "bool",
    "type_": "text",
    "type_list": "texts",
    "value": _COUNT,
    "value_pairs_set": "pairs",
    "value_set": "values",
}
_COUNTED = ("column_unique_value_count", "column_value_lengths", "table_column_count", "table_row_count")
_BOUNDS: Mapping[str, str] = {
    **dict.fromkeys((f"{name}_to_be_between" for name in _COUNTED), _COUNT),
    "column_proportion_of_non_null_values_to_be_between": _SHARE,
    "column_proportion_of_unique_values_to_be_between": _SHARE,
    "column_stdev_to_be_between": "number [0, inf)",
}
_OF_VALUES = frozenset(f"column_{name}_to_be_between" for name in ("values", "max", "min", "mean", "median", "sum")) | {
    "column_kl_divergence_to_be_less_than"
}
_OF_NUMBERS = frozenset(
    f"column_{name}"
    for name in (
        "mean_to_be_between",
        "median_to_be_between",
        "stdev_to_be_between",
        "sum_to_be_between",
        "quantile_values_to_be_between",
        "value_z_scores_to_be_less_than",
        "values_to_not_be_outliers",
    )
)
_KINDS: Mapping[ColumnType, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a text"),
    "int": ((int, float), "a number"),
    "float": ((int, float), "a number"),
    "bool": ((bool, int, float), "true or false"),
    "timestamp": ((str,), "a date or a time such as 2024-01-31T12:00:00Z"),
}


def argument_faults(
    expectation: Expectation, columns: Collection[str], types: Mapping[str, ColumnType] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield each argument that is wrong, with what is wrong with it.

    Parameters
    ----------
    columns
        All columns.
    types
        The types of the columns that it may name; a column that is not among them is not compared with its type.
    """
    arguments = expectation.args
    faults = {name: value_fault(_rule(expectation.expect, name), value) for name, value in arguments.items()}
    wrong = [(name, fault) for name, fault in faults.items() if fault]
    yield from wrong
    at_fault = {name for name, _ in wrong}
    right = {name: arguments[name] for name in arguments if name not in at_fault}
    for check in (_texts, _range, _quantiles, _partition, _against_type):
        yield from check(expectation, right, types or {})
    yield from _condition(right, columns)


_Types = Mapping[str, ColumnType]


def _rule(expect: str, name: str) -> str:
    if name in ("min_value", "max_value"):
        return f"{_BOUNDS[expect]} | null" if expect in _BOUNDS else f"{_BOUND} | null"
    if name == "ignore_row_if" and expect.startswith("column_pair"):
        return _PAIRS_MISSING
    return _RULES[name]


def _texts(expectation: Expectation, arguments: Mapping[str, Any], types: _Types) -> Iterator[tuple[str, str]]:
    """Yield regular expressions that do not compile, and formats of time that cannot be read back."""
    patterns = [("regex", arguments["regex"])] if "regex" in arguments else []
    patterns += [("regex_list", pattern) for pattern in arguments.get("regex_list", ())]
    for name, pattern in patterns:
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            yield name, f"{pattern[:60]!r} is not a regular expression: {error}. Correct it"
    layout = arguments.get("strftime_format")
    if layout is not None:
        try:
            datetime.strptime(datetime(2024, 2, 3, tzinfo=UTC).strftime(layout), layout)
        except ValueError as error:
            yield "strftime_format", f"{layout[:60]!r} is not a format of times: {error}. Write one such as %Y-%m-%d"


def _condition(arguments: Mapping[str, Any], columns: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield a condition, as pandas' query takes it, that cannot be read or names an unknown column."""
    text = arguments.get("row_condition")
    if text is None:
        return
    try:
        tree = ast.parse(re.sub(r"`[^`]*`|@(?=\w)", "True", text).strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield "row_condition", f"{text[:60]!r} cannot be read. Write a condition such as amount > 0 and kind == 'a'"
        return
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id not in called]
    for name in [*names, *re.findall(r"`([^`]*)`", text)]:
        if name not in columns:
            yield "row_condition", f"names the unknown column {name!r}. {suggest(name, columns)}"
            return


def _range(expectation: Expectation, arguments: Mapping[str, Any], types: _Types) -> Iterator[tuple[str, str]]:
    """Yield ranges without an end, or whose ends are the wrong way round."""
    expect, low, high = expectation.expect, arguments.get("min_value"), arguments.get("max_value")
    named = {"min_value", "max_value"} & set(expectation.args)
    if expect.endswith("_to_be_between") and "quantile" not in expect and low is None and high is None:
        if named <= set(arguments):
            yield "", f"{expect} needs min_value or max_value. Give one under args"
        return
    if low is None or high is None:
        return
    least: Any = low if isinstance(low, int | float) else read_time(low)
    most: Any = high if isinstance(low, int | float) else read_time(high)
    if isinstance(low, int | float) != isinstance(high, int | float) or least is None or most is None:
        yield "max_value", f"must be of the type of min_value {low!r}, found {high!r}"
        return
    strict = arguments.get("strict_min") is True or arguments.get("strict_max") is True
    if least > most or (strict and least == most):
        than = "above" if strict else "at least"
        yield "max_value", f"must be {than} min_value {low!r}, found {high!r}. No value can be between them"


def _quantiles(expectation: Expectation, arguments: Mapping[str, Any], types: _Types) -> Iterator[tuple[str, str]]:
    ranges = arguments.get("quantile_ranges")
    if ranges is None:
        return
    levels, limits = ranges.get("quantiles"), ranges.get("value_ranges")
    if set(ranges) != {"quantiles", "value_ranges"} or not isinstance(levels, list) or not isinstance(limits, list):
        yield "quantile_ranges", "must have the lists quantiles and value_ranges, such as [0.5] and [[2, 3]]"
    elif not levels or len(levels) != len(limits):
        text = f"needs as many value_ranges as quantiles, found {len(limits)} and {len(levels)}"
        yield "quantile_ranges", text
    elif faults := [level for level in levels if value_fault(_SHARE, level)]:
        yield "quantile_ranges", f"needs quantiles from 0 to 1, found {faults[0]!r}"
    elif wrong := [pair for pair in limits if not _is_interval(pair)]:
        yield "quantile_ranges", f"needs value_ranges of a lower and an upper number (or null), found {wrong[0]!r}"


def _partition(expectation: Expectation, arguments: Mapping[str, Any], types: _Types) -> Iterator[tuple[str, str]]:
    parts = arguments.get("partition_object")
    if parts is None:
        return
    kind = next((name for name in ("values", "bins") if name in parts), "values")
    borders, weights = parts.get(kind), parts.get("weights")
    if not isinstance(borders, list) or not isinstance(weights, list) or not weights:
        yield "partition_object", "must have the list weights, and the list values or bins"
    elif len(borders) != len(weights) + (kind == "bins"):
        wanted = "one more bin border than weights" if kind == "bins" else "as many weights as values"
        yield "partition_object", f"needs {wanted}, found {len(borders)} and {len(weights)}"


def _is_interval(pair: Any) -> bool:
    if not isinstance(pair, list) or len(pair) != 2 or any(value_fault("number | null", end) for end in pair):
        return False
    return None in pair or pair[0] <= pair[1]


def _against_type(expectation: Expectation, arguments: Mapping[str, Any], types: _Types) -> Iterator[tuple[str, str]]:
    """Yield values that cannot be compared with those of the column."""
    column = arguments.get("column")
    kind = types.get(column) if isinstance(column, str) else None
    if kind is None:
        return
    if expectation.expect in _OF_NUMBERS and kind in ("string", "timestamp"):
        yield "column", f"must be a number for {expectation.expect}, found {column} of type {kind}"
        return
    bounds = [(name, arguments.get(name)) for name in ("min_value", "max_value") if expectation.expect in _OF_VALUES]
    if kind == "string" and bounds:
        yield "column", f"must be a number or a timestamp for {expectation.expect}, found {column} of type {kind}"
        return
    bounds += [("value_set", item) for item in arguments.get("value_set", ())]
    for name in ("min_value", "max_value", "value_set"):
        wrong = [value for which, value in bounds if which == name and value is not None and not _is_of(kind, value)]
        if wrong:
            remedy = ". Put it in quotes" if kind == "string" else ""
            yield name, f"must be {_KINDS[kind][1]}, like {column} of type {kind}, found {wrong[0]!r}{remedy}"


def _is_of(kind: ColumnType, value: Any) -> bool:
    if kind == "timestamp":
        return read_time(value) is not None
    return isinstance(value, _KINDS[kind][0]) and (kind == "bool" or not isinstance(value, bool))

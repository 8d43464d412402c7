"""The Great Expectations that a declaration may name, with their arguments, readable without importing the library.

A test holds this list against the installed library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ml_platform.core.errors import suggest
from ml_platform.declarations.source import Expectation


class Arguments(NamedTuple):
    """Names of the arguments that an expectation must have, and of those that it may have."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


_BETWEEN = ("min_value", "max_value", "strict_min", "strict_max")
_COLUMN = ("column",)
_PAIR = ("column_A", "column_B")
_LIST = ("column_list",)
_WHERE = ("row_condition",)
_MOSTLY = ("mostly", *_WHERE)
_IGNORE = (*_MOSTLY, "ignore_row_if")
_FIGURE = Arguments(_COLUMN, (*_BETWEEN, *_WHERE))
_EACH = Arguments(_COLUMN, _MOSTLY)
_SET = Arguments((*_COLUMN, "value_set"), _WHERE)
_EACH_IN_SET = Arguments((*_COLUMN, "value_set"), _MOSTLY)
_ORDER = Arguments(_COLUMN, ("strictly", *_MOSTLY))
_COLUMNS = Arguments(_LIST, _IGNORE)

KNOWN_EXPECTATIONS: Mapping[str, Arguments] = {
    "column_distinct_values_to_be_in_set": _SET,
    "column_distinct_values_to_contain_set": _SET,
    "column_distinct_values_to_equal_set": _SET,
    "column_kl_divergence_to_be_less_than": Arguments(
        (*_COLUMN, "partition_object", "threshold"),
        ("bucketize_data", "internal_weight_holdout", "tail_weight_holdout", "min_value", "max_value", *_WHERE),
    ),
    "column_max_to_be_between": _FIGURE,
    "column_mean_to_be_between": _FIGURE,
    "column_median_to_be_between": _FIGURE,
    "column_min_to_be_between": _FIGURE,
    "column_most_common_value_to_be_in_set": Arguments((*_COLUMN, "value_set"), ("ties_okay", *_WHERE)),
    "column_pair_values_a_to_be_greater_than_b": Arguments(_PAIR, ("or_equal", *_IGNORE)),
    "column_pair_values_to_be_equal": Arguments(_PAIR, _IGNORE),
    "column_pair_values_to_be_in_set": Arguments((*_PAIR, "value_pairs_set"), _IGNORE),
    "column_proportion_of_non_null_values_to_be_between": _FIGURE,
    "column_proportion_of_unique_values_to_be_between": _FIGURE,
    "column_quantile_values_to_be_between": Arguments((*_COLUMN, "quantile_ranges"), ("allow_relative_error", *_WHERE)),
    "column_stdev_to_be_between": _FIGURE,
    "column_sum_to_be_between": _FIGURE,
    "column_to_exist": Arguments(_COLUMN, ("column_index",)),
    "column_type_to_be": Arguments((*_COLUMN, "type_")),
    "column_unique_value_count_to_be_between": _FIGURE,
    "column_value_lengths_to_be_between": Arguments(_COLUMN, (*_BETWEEN, *_MOSTLY)),
    "column_value_lengths_to_equal": Arguments((*_COLUMN, "value"), _MOSTLY),
    "column_value_z_scores_to_be_less_than": Arguments((*_COLUMN, "threshold", "double_sided"), _MOSTLY),
    "column_values_to_be_between": Arguments(_COLUMN, (*_BETWEEN, *_MOSTLY)),
    "column_values_to_be_dateutil_parseable": _EACH,
    "column_values_to_be_decreasing": _ORDER,
    "column_values_to_be_in_set": _EACH_IN_SET,
    "column_values_to_be_in_type_list": Arguments((*_COLUMN, "type_list"), _MOSTLY),
    "column_values_to_be_increasing": _ORDER,
    "column_values_to_be_json_parseable": _EACH,
    "column_values_to_be_null": _EACH,
    "column_values_to_be_of_type": Arguments((*_COLUMN, "type_"), _MOSTLY),
    "column_values_to_be_unique": _EACH,
    "column_values_to_match_json_schema": Arguments((*_COLUMN, "json_schema"), _MOSTLY),
    "column_values_to_match_regex": Arguments((*_COLUMN, "regex"), _MOSTLY),
    "column_values_to_match_regex_list": Arguments((*_COLUMN, "regex_list"), ("match_on", *_MOSTLY)),
    "column_values_to_match_strftime_format": Arguments((*_COLUMN, "strftime_format"), _MOSTLY),
    "column_values_to_not_be_in_set": _EACH_IN_SET,
    "column_values_to_not_be_null": _EACH,
    "column_values_to_not_be_outliers": Arguments(_COLUMN, ("method", "multiplier", *_MOSTLY)),
    "column_values_to_not_match_regex": Arguments((*_COLUMN, "regex"), _MOSTLY),
    "column_values_to_not_match_regex_list": Arguments((*_COLUMN, "regex_list"), _MOSTLY),
    "compound_columns_to_be_unique": _COLUMNS,
    "multicolumn_sum_to_equal": Arguments((*_LIST, "sum_total"), _IGNORE),
    "multicolumn_values_to_be_equal": _COLUMNS,
    "select_column_values_to_be_unique_within_record": _COLUMNS,
    "table_column_count_to_be_between": Arguments((), ("min_value", "max_value")),
    "table_column_count_to_equal": Arguments(("value",)),
    "table_columns_to_match_ordered_list": Arguments(_LIST),
    "table_columns_to_match_set": Arguments(("column_set",), ("exact_match",)),
    "table_row_count_to_be_between": Arguments((), (*_BETWEEN, *_WHERE)),
    "table_row_count_to_equal": Arguments(("value",), _WHERE),
}

ROW_WISE = frozenset(
    {
        *(name for name in KNOWN_EXPECTATIONS if name.startswith(("column_pair_values", "column_value_lengths"))),
        *(name for name in KNOWN_EXPECTATIONS if name.startswith("column_values")),
        "multicolumn_sum_to_equal",
        "multicolumn_values_to_be_equal",
        "select_column_values_to_be_unique_within_record",
    }
) - {
    "column_values_to_be_decreasing",
    "column_values_to_be_in_type_list",
    "column_values_to_be_increasing",
    "column_values_to_be_of_type",
    "column_values_to_be_unique",
    "column_values_to_not_be_outliers",
}
"""Expectations that judge each row by itself, so that rows may be judged in pieces."""
OF_COLUMNS = frozenset(name for name in KNOWN_EXPECTATIONS if name.startswith("table_column")) | {"column_to_exist"}
"""Expectations about the columns alone, whatever the rows."""


def expectation_problem(expectation: Expectation, columns: Sequence[str] | None = None) -> str | None:
    """Return what is wrong with a declared expectation, or None.

    Parameters
    ----------
    columns
        The columns that it may name; None leaves them unchecked.

    >>> expectation_problem(Expectation(expect="column_values_to_be_nul", args={"column": "origin"}))
    "unknown expectation 'column_values_to_be_nul'. Did you mean column_values_to_be_null?"
    """
    known = KNOWN_EXPECTATIONS.get(expectation.expect)
    if known is None:
        return f"unknown expectation {expectation.expect!r}. {suggest(expectation.expect, KNOWN_EXPECTATIONS)}"
    for name in expectation.args:
        if name not in known.required + known.optional:
            return f"{expectation.expect} has no argument {name!r}. {suggest(name, known.required + known.optional)}"
    missing = [name for name in known.required if name not in expectation.args]
    if missing:
        return f"{expectation.expect} needs the argument {', '.join(missing)}. Give it under args"
    if columns is not None and expectation.expect != "column_to_exist":
        wanted = expectation.args.get("column_set")
        for column in (*named_columns(expectation), *(wanted if isinstance(wanted, list) else ())):
            if column not in columns:
                return f"{expectation.expect} names the unknown column {column!r}. {suggest(column, columns)}"
    return None


def named_columns(expectation: Expectation) -> tuple[str, ...]:
    """Return the columns that an expectation is about, in the order of its arguments."""
    names = [expectation.args[name] for name in (*_COLUMN, *_PAIR) if isinstance(expectation.args.get(name), str)]
    listed = expectation.args.get("column_list")
    return (*names, *(listed if isinstance(listed, list | tuple) else ()))


def check_names(expectations: Sequence[Expectation]) -> tuple[str, ...]:
    """Return a name for each expectation: letters, digits and underscores, each name once.

    >>> check_names([Expectation(expect="column_values_to_be_unique", args={"column": "order.id"})])
    ('column_values_to_be_unique_order_id',)
    """
    names: list[str] = []
    for expectation in expectations:
        words = "_".join([expectation.expect, *named_columns(expectation)])
        stem = re.sub(r"[^A-Za-z0-9_]", "_", words)
        name, number = stem, 2
        while name in names:
            name, number = f"{stem}_{number}", number + 1
        names.append(name)
    return tuple(names)

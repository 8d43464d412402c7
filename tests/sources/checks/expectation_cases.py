"""For each known expectation, arguments with which a frame passes, and with which it fails."""

from __future__ import annotations

from typing import Any

import pandas as pd

FRAME = pd.DataFrame(
    {
        "key": ["a", "b", "c", "d"],
        "n": [1, 2, 3, 4],
        "m": [2, 3, 4, 5],
        "sevens": [7, 7, 7, 7],
        "text": ["x1", "x2", "x3", "x3"],
        "json": ['{"a": 1}', '{"a": 2}', '{"a": 3}', '{"a": 4}'],
        "day": ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"],
        "none": [None, None, None, None],
        "at": pd.date_range("2024-01-01", periods=4, freq="D", tz="UTC"),
    },
    index=[10, 11, 12, 13],
)

# For each expectation, arguments with which the frame above passes, and with which it fails.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "column_distinct_values_to_be_in_set": (
        {"column": "n", "value_set": [1, 2, 3, 4, 5]},
        {"column": "n", "value_set": [1]},
    ),
    "column_distinct_values_to_contain_set": ({"column": "n", "value_set": [1]}, {"column": "n", "value_set": [9]}),
    "column_distinct_values_to_equal_set": (
        {"column": "n", "value_set": [1, 2, 3, 4]},
        {"column": "n", "value_set": [1]},
    ),
    "column_kl_divergence_to_be_less_than": (
        {"column": "n", "partition_object": {"values": [1, 2, 3, 4], "weights": [0.25] * 4}, "threshold": 0.1},
        {"column": "n", "partition_object": {"values": [1, 2, 3, 4], "weights": [0.97] + [0.01] * 3}, "threshold": 0.1},
    ),
    "column_max_to_be_between": ({"column": "n", "max_value": 4}, {"column": "n", "max_value": 3}),
    "column_mean_to_be_between": ({"column": "n", "max_value": 2.5}, {"column": "n", "max_value": 2.4}),
    "column_median_to_be_between": ({"column": "n", "min_value": 2.5}, {"column": "n", "min_value": 2.6}),
    "column_min_to_be_between": ({"column": "n", "min_value": 1}, {"column": "n", "min_value": 2}),
    "column_most_common_value_to_be_in_set": (
        {"column": "text", "value_set": ["x3"]},
        {"column": "text", "value_set": ["x1"]},
    ),
    "column_pair_values_a_to_be_greater_than_b": (
        {"column_A": "m", "column_B": "n"},
        {"column_A": "n", "column_B": "m"},
    ),
    "column_pair_values_to_be_equal": ({"column_A": "n", "column_B": "n"}, {"column_A": "n", "column_B": "m"}),
    "column_pair_values_to_be_in_set": (
        {"column_A": "n", "column_B": "m", "value_pairs_set": [[1, 2], [2, 3], [3, 4], [4, 5]]},
        {"column_A": "n", "column_B": "m", "value_pairs_set": [[1, 2]]},
    ),
    "column_proportion_of_non_null_values_to_be_between": (
        {"column": "n", "min_value": 1},
        {"column": "none", "min_value": 0.5},
    ),
    "column_proportion_of_unique_values_to_be_between": (
        {"column": "n", "min_value": 1},
        {"column": "text", "min_value": 1},
    ),
    "column_quantile_values_to_be_between": (
        {"column": "n", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[2, 3]]}},
        {"column": "n", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[4, 5]]}},
    ),
    "column_stdev_to_be_between": ({"column": "sevens", "max_value": 0}, {"column": "n", "max_value": 1}),
    "column_sum_to_be_between": ({"column": "n", "min_value": 10, "max_value": 10}, {"column": "n", "min_value": 11}),
    "column_to_exist": ({"column": "n"}, {"column": "nowhere"}),
    "column_type_to_be": ({"column": "n", "type_": "int64"}, {"column": "n", "type_": "float64"}),
    "column_unique_value_count_to_be_between": ({"column": "text", "max_value": 3}, {"column": "n", "max_value": 3}),
    "column_value_lengths_to_be_between": ({"column": "text", "max_value": 2}, {"column": "text", "max_value": 1}),
    "column_value_lengths_to_equal": ({"column": "text", "value": 2}, {"column": "text", "value": 3}),
    "column_value_z_scores_to_be_less_than": (
        {"column": "n", "threshold": 2, "double_sided": True},
        {"column": "n", "threshold": 1, "double_sided": True},
    ),
    "column_values_to_be_between": ({"column": "n", "min_value": 1}, {"column": "n", "min_value": 3}),
    "column_values_to_be_dateutil_parseable": ({"column": "day"}, {"column": "text"}),
    "column_values_to_be_decreasing": ({"column": "sevens"}, {"column": "n"}),
    "column_values_to_be_in_set": ({"column": "n", "value_set": [1, 2, 3, 4]}, {"column": "n", "value_set": [1]}),
    "column_values_to_be_in_type_list": (
        {"column": "n", "type_list": ["int64"]},
        {"column": "n", "type_list": ["str"]},
    ),
    "column_values_to_be_increasing": ({"column": "n"}, {"column": "sevens", "strictly": True}),
    "column_values_to_be_json_parseable": ({"column": "json"}, {"column": "text"}),
    "column_values_to_be_null": ({"column": "none"}, {"column": "n"}),
    "column_values_to_be_of_type": ({"column": "n", "type_": "int64"}, {"column": "n", "type_": "float64"}),
    "column_values_to_be_unique": ({"column": "n"}, {"column": "text"}),
    "column_values_to_match_json_schema": (
        {"column": "json", "json_schema": {"required": ["a"]}},
        {"column": "json", "json_schema": {"required": ["b"]}},
    ),
    "column_values_to_match_regex": ({"column": "text", "regex": "^x"}, {"column": "text", "regex": "1$"}),
    "column_values_to_match_regex_list": (
        {"column": "text", "regex_list": ["^x", "^y"]},
        {"column": "text", "regex_list": ["1$"]},
    ),
    "column_values_to_match_strftime_format": (
        {"column": "day", "strftime_format": "%Y-%m-%d"},
        {"column": "day", "strftime_format": "%d.%m.%Y"},
    ),
    "column_values_to_not_be_in_set": ({"column": "n", "value_set": [9]}, {"column": "n", "value_set": [1]}),
    "column_values_to_not_be_null": ({"column": "n"}, {"column": "none"}),
    "column_values_to_not_be_outliers": (
        {"column": "n", "method": "iqr", "multiplier": 1.5},
        {"column": "n", "method": "iqr", "multiplier": 0.1},
    ),
    "column_values_to_not_match_regex": ({"column": "text", "regex": "^y"}, {"column": "text", "regex": "1$"}),
    "column_values_to_not_match_regex_list": (
        {"column": "text", "regex_list": ["^y"]},
        {"column": "text", "regex_list": ["1$"]},
    ),
    "compound_columns_to_be_unique": ({"column_list": ["n", "text"]}, {"column_list": ["sevens", "text"]}),
    "multicolumn_sum_to_equal": (
        {"column_list": ["sevens", "sevens"], "sum_total": 14},
        {"column_list": ["n", "m"], "sum_total": 3},
    ),
    "multicolumn_values_to_be_equal": ({"column_list": ["n", "n"]}, {"column_list": ["n", "m"]}),
    "select_column_values_to_be_unique_within_record": ({"column_list": ["n", "m"]}, {"column_list": ["n", "n"]}),
    "table_column_count_to_be_between": ({"max_value": 9}, {"max_value": 8}),
    "table_column_count_to_equal": ({"value": 9}, {"value": 8}),
    "table_columns_to_match_ordered_list": ({"column_list": list(FRAME.columns)}, {"column_list": ["n"]}),
    "table_columns_to_match_set": ({"column_set": list(FRAME.columns)}, {"column_set": ["n"]}),
    "table_row_count_to_be_between": ({"min_value": 4}, {"min_value": 5}),
    "table_row_count_to_equal": ({"value": 4}, {"value": 5}),
}

"""Every fault in the algorithm of a model says where it is, what was found and what to do."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

from pathlib import Path

import pytest

from tests.declarations.ferry import each_fault, edit, faults

CASES = [
    (
        "models/late.yaml",
        "name: lightgbm,",
        "nam: lightgbm,",
        [
            "models/late.yaml:10:1: algorithm: the key name is missing. Add it, such as name: lightgbm.",
            "models/late.yaml:10:13: algorithm: the key nam is unknown. Did you mean name?",
        ],
    ),
    (
        "models/late.yaml",
        "params: {num_leaves: 7}",
        "params: {num_leaves: .nan}",
        ["models/late.yaml:10:50: algorithm.params.num_leaves: nan has no canonical form. Give plain, finite values."],
    ),
    (
        "models/late.yaml",
        "{name: lightgbm, params: {num_leaves: 7}}",
        "lightgb",
        ["models/late.yaml:10:12: algorithm: algorithm 'lightgb' does not exist. Did you mean lightgbm?"],
    ),
    (
        "models/late.yaml",
        "num_leaves: 7",
        "num_leavs: 7",
        [
            "models/late.yaml:10:1: algorithm: lightgbm has no parameter 'num_leavs' that a declaration may set. Did you mean num_leaves?"
        ],
    ),
    (
        "models/late.yaml",
        "{name: lightgbm, params: {num_leaves: 7}}",
        "ridge",
        [
            "models/late.yaml:10:12: algorithm: algorithm ridge cannot do binary. Take one of decision_tree, DummyClassifier, extra_trees, gradient_boosting, hist_gradient_boosting, lightgbm, logistic_regression, random_forest."
        ],
    ),
    (
        "models/late.yaml",
        "{name: lightgbm, params: {num_leaves: 7}}",
        "estimators:Own",
        ["models/late.yaml:10:12: algorithm.name: there is no module estimators in the project. Add estimators.py."],
    ),
    (
        "models/late.yaml",
        "params: {num_leaves: 7}",
        "monotone: {trips.car: increasing}",
        [
            "models/late.yaml:10:51: algorithm.monotone.trips.car: trips.car is not a number among the model's features. Did you mean trips.cars?"
        ],
    ),
]


@each_fault(CASES)
def test_a_fault_names_the_place_the_value_and_the_remedy(
    ferry: Path, file: str, old: str, new: str, expected: list[str]
) -> None:
    edit(ferry, file, old, new)
    assert faults(ferry) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (
            "{objective: quantile, alpha: [1]}",
            ["models/delay.yaml:10:66: algorithm.params.alpha must be a number above 0, found a list."],
        ),
        (
            "{objective: [mae]}",
            ["must be regression, "],
        ),
        (
            "{num_leaves: 1, learning_rate: 0}",
            [
                "models/delay.yaml:10:50: algorithm.params.num_leaves must be a whole number from 2 to 131,072, found 1.",
                "models/delay.yaml:10:68: algorithm.params.learning_rate must be a number above 0, found 0.",
            ],
        ),
    ],
)
def test_a_parameter_that_the_algorithm_does_not_take_is_a_fault_at_its_value(
    ferry: Path, params: str, expected: list[str]
) -> None:
    edit(ferry, "models/delay.yaml", "algorithm: ridge", f"algorithm: {{name: lightgbm, params: {params}}}")
    assert all(text in fault for text, fault in zip(expected, faults(ferry), strict=True))

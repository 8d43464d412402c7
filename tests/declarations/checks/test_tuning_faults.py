"""Every fault in a search for parameters says where it is, what was found and what to do."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from ml_platform.declarations.checks import tuning
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.load.schema import json_schemas
from tests.declarations.ferry import edit, faults, write_ferry

SPACE = "{num_leaves: {low: 3, high: 31, log: true}, boosting: [gbdt, dart]}"

CASES = [
    ("space: {}", "tuning.space must not be empty. Give at least one"),
    ("trials: 0, space: " + SPACE, "tuning.trials must be at least 1, found 0"),
    ("score: auc, space: " + SPACE, "tuning.score must be proper or value, found 'auc'"),
    (
        "folds: 9, space: " + SPACE,
        "split.train must be longer than 9 validate periods and the label's horizon, found 60d and 64d",
    ),
    ("space: {leaves: [3, 4]}", "lightgbm has no parameter 'leaves' that a declaration may set. Did you mean"),
    ("space: {num_leaves: [1, 31]}", "tuning.space.num_leaves must be a whole number from 2 to"),
    ("space: {num_leaves: {low: 3, high: 31.5}}", "must be a whole number from 2 to"),
    ("space: {objective: [binary, cross_entropy]}", "objective decides the loss by which trials are compared"),
    ("space: {num_leaves: {low: 31, high: 3}}", "needs low below high, or a list of at least two values"),
    ("space: {num_leaves: {low: 3}}", "needs low below high, or a list of at least two values"),
    ("space: {learning_rate: {low: 0.0, high: 1.0, log: true}}", "log needs low above 0 and no step"),
    ("space: {num_leaves: {choices: [3, 4], low: 2}}", "choices excludes low, high, log and step, found both"),
    ("space: {num_leaves: [3]}", "choices needs at least two values, found one. Set it in algorithm.params"),
]


@pytest.mark.parametrize(("declared", "message"), CASES)
def test_a_fault_names_its_place(tmp_path: Path, declared: str, message: str) -> None:
    ferry = write_ferry(tmp_path / "ferry")
    edit(ferry, "models/late.yaml", "baselines:\n", f"tuning: {{{declared}}}\nbaselines:\n")
    texts = faults(ferry)
    assert any(message in fault for fault in texts), texts
    assert all(fault.startswith("models/late.yaml:11:") for fault in texts)


def test_a_search_without_optuna_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ferry = write_ferry(tmp_path / "ferry")
    edit(ferry, "models/late.yaml", "baselines:\n", f"tuning: {{space: {SPACE}}}\nbaselines:\n")
    load_project(ferry, {})
    real = importlib.util.find_spec
    monkeypatch.setattr(tuning, "find_spec", lambda name: None if name == "optuna" else real(name))
    (fault,) = faults(ferry)
    assert "optuna is not installed. Install it with: pip install 'ml-platform[tuning]'" in fault


def test_editors_know_both_forms_of_a_space() -> None:
    schema = json_schemas()["model"]["$defs"]["Tuning"]["properties"]["space"]["additionalProperties"]
    assert {"type": "array", "minItems": 2} in schema["anyOf"]

"""Every fault in a model says where it is, what was found and what to do; nothing else is reported with it."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

from pathlib import Path

import pytest

from tests.declarations.ferry import each_fault, edit, faults

CASES = [
    (
        "models/late.yaml",
        "deployment:",
        "release: {first: {do_nothing: 1.5}, refresh: {champion: 0.4}}\ndeployment:",
        [
            "models/late.yaml:20:31: release.first.do_nothing must be from 0.5 up to below 1, or ignore, found 1.5. Write a probability such as 0.9.",
            "models/late.yaml:20:57: release.refresh.champion must be from 0.5 up to below 1, or ignore, found 0.4. Write a probability such as 0.9.",
        ],
    ),
    (
        "models/late.yaml",
        "deployment:",
        "release: {first: {better_than: [do_nothing]}}\ndeployment:",
        ["models/late.yaml:20:19: release.first: the key better_than is unknown. Known: baselines, do_nothing."],
    ),
    (
        "models/late.yaml",
        ", entity: trip",
        "",
        ["models/late.yaml:6:1: population: the key entity is missing. Add it, such as entity: order."],
    ),
    (
        "models/late.yaml",
        "entity: trip,",
        "entty: trip,",
        [
            "models/late.yaml:6:1: population: the key entity is missing. Add it, such as entity: order.",
            "models/late.yaml:6:29: population: the key entty is unknown. Did you mean entity?",
        ],
    ),
    (
        "models/late.yaml",
        "owner: team:harbour",
        "ownr: team:harbour",
        [
            "models/late.yaml:4:1: the key ownr is unknown. Did you mean owner?",
        ],
    ),
    (
        "models/late.yaml",
        "owner: team:harbour",
        "owner: team:harbour\nhorizon: 7d",
        ["models/late.yaml:5:1: the key horizon is unknown. Write it in label, such as label: {horizon: ...}."],
    ),
    (
        "models/late.yaml",
        "task: binary",
        "task: binry",
        [
            "models/late.yaml:5:7: task must be binary, multiclass, regression or quantile, found 'binry'. Did you mean binary?"
        ],
    ),
    (
        "models/late.yaml",
        "spec_version: 1",
        "spec_version: 2",
        ["models/late.yaml:1:15: spec_version must be 1, found 2."],
    ),
    (
        "models/late.yaml",
        "description: Will this trip be late?",
        "description: 3",
        ["models/late.yaml:3:14: description must be text, found 3. Put it in quotes if text is meant."],
    ),
    (
        "models/late.yaml",
        "monitoring: {window: 7d}",
        "monitoring: {window: 7d, min_rows: x}",
        ["models/late.yaml:21:36: monitoring.min_rows must be a whole number, found 'x'. Write a number such as 3."],
    ),
    (
        "models/late.yaml",
        "monitoring: {window: 7d}",
        "monitoring: {window: 7d, min_rows: 0}",
        ["models/late.yaml:21:36: monitoring.min_rows must be at least 1, found 0."],
    ),
    (
        "models/late.yaml",
        "monitoring: {window: 7d}",
        "leakage: {single_feature: high}\nmonitoring: {window: 7d}",
        ["models/late.yaml:21:27: leakage.single_feature must be a number, found 'high'. Write a number such as 0.5."],
    ),
    (
        "models/late.yaml",
        "monitoring: {window: 7d}",
        "leakage: {single_feature: .inf}\nmonitoring: {window: 7d}",
        [
            "models/late.yaml:21:27: leakage.single_feature must be a finite number, found inf. "
            "Write a number such as 0.5."
        ],
    ),
    (
        "models/late.yaml",
        "monitoring: {window: 7d}",
        "monitoring: 7d",
        ["models/late.yaml:21:13: monitoring must be a mapping of keys to values, found '7d'."],
    ),
    (
        "models/late.yaml",
        "monitoring: {window: 7d}",
        "monitoring:",
        ["models/late.yaml:21:1: monitoring must be a mapping of keys to values, found nothing."],
    ),
    (
        "models/late.yaml",
        "features: [ship_recent.*, trips.cars]",
        "features: ship_recent.*",
        ["models/late.yaml:8:11: features must be a list, found 'ship_recent.*'. Write it as [a, b]."],
    ),
    (
        "models/late.yaml",
        "features: [ship_recent.*, trips.cars]",
        "features: []",
        ["models/late.yaml:8:11: features must not be empty. Give at least one."],
    ),
    (
        "models/late.yaml",
        "horizon: 1d",
        "horizon: 1 day",
        [
            "models/late.yaml:7:68: label.horizon: '1 day' is not a duration. Write a number and a unit (w, d, h, m, s, us), such as 30d."
        ],
    ),
    (
        "models/late.yaml",
        "horizon: 1d",
        "horizon: 0d",
        ["models/late.yaml:7:68: label.horizon must be positive, found 0d. Give a span of time such as 30d."],
    ),
    (
        "models/late.yaml",
        "0 * * * * Europe/Oslo",
        "0 * * * *",
        [
            "models/late.yaml:20:21: deployment.batch: '0 * * * *' is not a schedule. Write five cron fields and a time zone, such as '0 3 * * 1 UTC'."
        ],
    ),
    (
        "models/late.yaml",
        "0 * * * * Europe/Oslo",
        "0 * * * * Europe/Olso",
        ["models/late.yaml:20:21: deployment.batch: there is no time zone Europe/Olso. Did you mean Europe/Oslo?"],
    ),
    (
        "models/late.yaml",
        "0 * * * * Europe/Oslo",
        "99 * * * * UTC",
        [
            "models/late.yaml:20:21: deployment.batch: '99 * * * * UTC' is not a schedule: Bad minute. Correct its first five fields."
        ],
    ),
    (
        "models/late.yaml",
        ">= 0.6",
        "0.6",
        ["models/late.yaml:19:14: gates.auc: '0.6' is not a gate. Write a comparison and a number, such as '>= 0.7'."],
    ),
    (
        "models/late.yaml",
        "task: binary",
        "task: quantile",
        ["models/late.yaml:1:1: task quantile needs the key quantile. Add it, such as quantile: 0.9."],
    ),
    (
        "models/late.yaml",
        "gates:",
        "quantile: 1.5\ngates:",
        ["models/late.yaml:19:11: quantile must be less than 1, found 1.5."],
    ),
    (
        "models/late.yaml",
        "  - logistic_regression",
        "  - 3",
        ["models/late.yaml:13:5: baselines[1] must be a mapping of keys to values, found 3."],
    ),
    (
        "models/delay.yaml",
        "owner: fleet@ferry.example",
        "owner: fleet\ncalibration: sigmoid",
        [
            "models/delay.yaml:4:8: owner: 'fleet' is not an owner. Write an e-mail address, or team:NAME with letters, digits, _ and -."
        ],
    ),
]


@each_fault(CASES)
def test_a_fault_names_the_place_the_value_and_the_remedy(
    ferry: Path, file: str, old: str, new: str, expected: list[str]
) -> None:
    edit(ferry, file, old, new)
    assert faults(ferry) == expected


@pytest.mark.parametrize(("name", "task"), [("tick", "binary"), ("score", "multiclass")])
def test_features_that_the_prediction_log_would_hide_are_refused(ferry: Path, name: str, task: str) -> None:
    edit(ferry, "models/late.yaml", "ship_recent.*, trips.cars", f"{name}.*, trips.cars")
    edit(ferry, "models/late.yaml", "ship_recent.mean_late_7d > 10", f"{name}.mean_late_7d > 10")
    edit(ferry, "models/delay.yaml", "ship_recent.mean_late_7d", f"{name}.mean_late_7d")
    edit(ferry, "models/late.yaml", "task: binary", f"task: {task}")
    edit(ferry, "features/ship_recent.yaml", "name: ship_recent", f"name: {name}")
    (ferry / "features/ship_recent.yaml").rename(ferry / f"features/{name}.yaml")
    expected = (
        f"models/late.yaml:8:11: features: {name}.x is a column of the prediction log too. Give {name} another name."
    )
    assert expected in faults(ferry)

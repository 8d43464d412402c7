"""Faults between several declarations."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_platform.declarations.checks.problems import OTHER_NAME
from ml_platform.declarations.load.load import load_project
from tests.declarations.ferry import FILES, SHIP_RECENT, edit, faults


def write(directory: Path, file: str, text: str) -> None:
    (directory / file).parent.mkdir(exist_ok=True)
    (directory / file).write_text(text)


def test_feature_tables_that_read_each_other_are_a_cycle_with_its_path(ferry: Path) -> None:
    write(ferry, "features/a.yaml", SHIP_RECENT.replace("ship_recent", "a").replace("source: arrivals", "source: b"))
    write(ferry, "features/b.yaml", SHIP_RECENT.replace("ship_recent", "b").replace("source: arrivals", "source: a"))
    cycle = "is a cycle: none of these can be made before the others. Remove one reference."
    assert faults(ferry) == [
        f"features/a.yaml:6:9: source: features/a -> features/b -> features/a {cycle}",
        f"features/b.yaml:6:9: source: features/b -> features/a -> features/b {cycle}",
    ]


def test_a_feature_table_that_reads_another_is_shown_where_rows_come_from(ferry: Path) -> None:
    write(ferry, "features/a.yaml", SHIP_RECENT.replace("ship_recent", "a").replace("source: arrivals", "source: b"))
    write(ferry, "features/b.yaml", SHIP_RECENT.replace("ship_recent", "b"))
    assert faults(ferry) == [
        "features/a.yaml:6:9: source: b is a feature table, and rows come from sources. Known: arrivals, trips."
    ]


def test_a_feature_table_and_a_source_of_the_same_name_collide(ferry: Path) -> None:
    write(ferry, "features/trips.yaml", SHIP_RECENT.replace("ship_recent", "trips"))
    assert faults(ferry) == [
        "features/trips.yaml:2:7: name: trips is a source too, and trips.x could mean either. Rename one."
    ]


@pytest.mark.parametrize("name", ["sources", "features"])
def test_a_model_cannot_take_a_name_of_the_platform(ferry: Path, name: str) -> None:
    write(ferry, f"models/{name}.yaml", FILES["models/delay.yaml"].replace("name: delay", f"name: {name}"))
    assert faults(ferry) == [
        f"models/{name}.yaml:2:7: name: {name} is a name of the platform's own. Give the model another."
    ]


def test_a_table_whose_key_the_population_lacks_cannot_be_joined(ferry: Path) -> None:
    edit(ferry, "sources/trips.yaml", "  ship: string\n", "")
    assert faults(ferry) == [
        f"models/{model}.yaml:8:12: features[0]: ship_recent is joined by the key of ship, and trips has no column "
        "ship. Declare the column in trips, or leave it out."
        for model in ("delay", "late")
    ]


def test_a_key_of_two_types_cannot_be_joined(ferry: Path) -> None:
    edit(ferry, "sources/trips.yaml", "  ship: string\n", "  ship: int\n")
    assert faults(ferry) == [
        f"models/{model}.yaml:8:12: features[0]: the key ship is int in trips and string in arrivals. Declare one type."
        for model in ("delay", "late")
    ]


def test_an_entity_whose_key_the_label_source_lacks_cannot_be_labelled(ferry: Path) -> None:
    edit(ferry, "models/late.yaml", "label: {source: arrivals", "label: {source: piers")
    edit(ferry, "models/late.yaml", "expression: minutes_late >= 15", "expression: closed")
    write(
        ferry,
        "sources/piers.yaml",
        FILES["sources/trips.yaml"]
        .replace("name: trips", "name: piers")
        .replace("key: [trip_id]", "key: [ship]")
        .replace("  trip_id: string\n", "  closed: bool\n"),
    )
    assert faults(ferry) == [
        "models/late.yaml:7:17: label.source: the key of trip is trip_id, and piers has no column trip_id. "
        "Declare the column in the source, or take another entity or source."
    ]


@pytest.mark.parametrize("column", ["label", "prediction"])
def test_a_population_column_must_not_hide_what_a_payoff_reads(ferry: Path, column: str) -> None:
    edit(ferry, "sources/trips.yaml", "  open_deck: bool\n", f"  {column}: bool\n")
    expected = f"trips has a column {column}, which here means the truth or the prediction."
    assert faults(ferry) == [
        f"models/{model}.yaml:6:22: population.source: {expected} {OTHER_NAME}." for model in ("delay", "late")
    ]


def test_project_code_is_located_without_importing_it(ferry: Path) -> None:
    write(ferry, "transforms/calendar.py", "raise RuntimeError('imported')\n\ndef weekday(frame):\n    return frame\n")
    write(ferry, "estimators.py", "class Own:\n    pass\n")
    edit(ferry, "models/late.yaml", "algorithm: {name: lightgbm", "algorithm: {name: estimators:Own")
    edit(ferry, "models/late.yaml", "features: [", "transforms: ['transforms.calendar:weekday']\nfeatures: [")
    assert load_project(ferry, {}).models["late"].transforms == ("transforms.calendar:weekday",)


def test_a_name_that_project_code_does_not_define_gets_the_nearest(ferry: Path) -> None:
    write(ferry, "transforms/calendar.py", "def weekday(frame):\n    return frame\n")
    edit(ferry, "models/late.yaml", "features: [", "transforms: ['transforms.calendar:wekday']\nfeatures: [")
    assert faults(ferry) == [
        "models/late.yaml:8:14: transforms[0]: transforms/calendar.py does not define wekday. Did you mean weekday?"
    ]


def test_project_code_that_is_not_python_is_a_fault(ferry: Path) -> None:
    write(ferry, "readers.py", "def trips(:\n")
    edit(ferry, "sources/trips.yaml", "csv: data/trips.csv", "python: readers:trips")
    assert faults(ferry) == [
        "sources/trips.yaml:5:18: reader.python: readers.py:1 is not Python: invalid syntax. Correct it."
    ]


def test_two_transforms_of_one_name_would_make_the_same_columns(ferry: Path) -> None:
    for module in ("one", "two"):
        write(ferry, f"transforms/{module}.py", "def add(frame):\n    return frame\n")
    edit(
        ferry,
        "models/late.yaml",
        "features: [",
        "transforms: ['transforms.one:add', 'transforms.two:add']\nfeatures: [",
    )
    assert faults(ferry) == [
        "models/late.yaml:8:36: transforms[1]: its columns would be called add.x, which means something else. "
        "Rename the function."
    ]


def test_a_rule_may_read_what_a_transform_adds_and_the_populations_columns_by_bare_name(ferry: Path) -> None:
    write(ferry, "transforms/calendar.py", "def weekday(frame):\n    return frame\n")
    edit(ferry, "models/late.yaml", "features: [", "transforms: ['transforms.calendar:weekday']\nfeatures: [")
    edit(ferry, "models/late.yaml", "ship_recent.mean_late_7d > 10", "weekday.day == 0 and cars > 3")
    assert "weekday.day" in str(load_project(ferry, {}).models["late"].baselines[0].expression)


def test_a_transform_may_read_timestamps_of_the_population(ferry: Path) -> None:
    write(ferry, "transforms/calendar.py", "def weekday(frame):\n    return frame\n")
    edit(
        ferry,
        "models/late.yaml",
        "features: [",
        "transforms: ['transforms.calendar:weekday']\nfeatures: [trips.departs_at, ",
    )
    assert load_project(ferry, {}).models["late"].features[0] == "trips.departs_at"


def test_a_stretch_within_the_labels_horizon_would_lose_all_its_rows(ferry: Path) -> None:
    edit(ferry, "models/late.yaml", "horizon: 1d", "horizon: 7d")
    assert faults(ferry) == [
        "models/late.yaml:9:31: split.validate must be longer than the label's horizon of 7d, found 7d. "
        "No row of this period would have a label before the next period starts."
    ]


def test_one_wrong_column_does_not_hide_the_faults_elsewhere(ferry: Path) -> None:
    edit(ferry, "features/ship_recent.yaml", "mean: minutes_late", "mean: minutes_lat")
    edit(ferry, "models/late.yaml", "-3 + label * 20", "-3 + labl * 20")
    edit(ferry, "models/late.yaml", "auc:", "acu:")
    assert faults(ferry) == [
        "features/ship_recent.yaml:11:21: features.mean_late.mean: minutes_lat is not a column. "
        "Did you mean minutes_late?",
        "models/late.yaml:16:16: value.actions.warn: labl is not a column. Did you mean label?",
        "models/late.yaml:19:14: gates.acu: acu is not a figure of a binary model. Did you mean auc?",
    ]

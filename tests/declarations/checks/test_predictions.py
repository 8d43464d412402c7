"""A source of predictions says what is wrong with it: the model, the columns, what the log itself says, circles."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.lineage import source_lineage
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.load.schema import json_schemas
from ml_platform.declarations.yaml.document import read_document
from tests.declarations.ferry import LATE, edit, faults, write_ferry

FILE = "sources/expected.yaml"
EXPECTED = """\
spec_version: 1
name: expected
description: What the delay model expects of each trip.
owner: team:harbour
reader: {predictions: delay}
columns:
  trip_id: string
  score: {type: float, unit: min}
"""
TRIP_EXPECTED = """\
spec_version: 1
name: trip_expected
description: The delay that was expected of a trip last.
owner: team:harbour
entity: trip
source: expected
refresh: 1h
publish_delay: 5m
features:
  expected_delay: {as_of: score, unit: min}
"""
USED = "features: [ship_recent.*, trips.cars]"


@pytest.fixture
def ferry(tmp_path: Path) -> Path:
    """The ferry, whose model late reads the predictions of its model delay."""
    root = write_ferry(tmp_path)
    (root / FILE).write_text(EXPECTED)
    (root / "features/trip_expected.yaml").write_text(TRIP_EXPECTED)
    edit(root, "models/late.yaml", USED, "features: [ship_recent.*, trips.cars, trip_expected.*]")
    return root


def test_columns_that_the_log_adds_to_its_rows_need_not_be_declared(ferry: Path) -> None:
    source = load_project(ferry, {}).sources["expected"]
    assert (source.key, source.event_timestamp, source.known_at.column) == (
        ("prediction_id",),
        "effective_time",
        "scored_at",
    )
    assert {name: column.type for name, column in source.columns.items()} == {
        "prediction_id": "string",
        "effective_time": "timestamp",
        "scored_at": "timestamp",
        "version": "int",
        "trip_id": "string",
        "score": "float",
    }


def test_the_source_is_made_after_the_predictions_and_its_columns_come_from_them(ferry: Path) -> None:
    spec = load_project(ferry, {})
    nodes = [node.name for node in build_graph(spec)]
    feature_inputs = {str(node.name): node.inputs for node in build_graph(spec)}
    assert feature_inputs["sources/expected"] == ("delay/predictions",)
    chain = ["delay/predictions", "sources/expected", "features/trip_expected", "late/snapshot", "late/predictions"]
    assert [name for name in nodes if name in chain] == chain
    assert source_lineage(spec, spec.sources["expected"])["score"] == (("delay/predictions", "score"),)
    assert source_lineage(spec, spec.sources["trips"]) == {}


def test_the_schema_for_editors_asks_for_no_more_than_the_loader() -> None:
    validator = Draft202012Validator(json_schemas()["source"])
    assert validator.is_valid(read_document("a.yaml", EXPECTED.encode()).value)
    without = EXPECTED.replace("{predictions: delay}", "{csv: data/expected.csv}")
    assert not validator.is_valid(read_document("a.yaml", without.encode()).value)


CASES = [
    (
        "predictions: delay",
        "predictions: dely",
        "5:23: reader.predictions: there is no model dely. Did you mean delay?",
    ),
    (
        "{predictions: delay}",
        "{predictions: delay, csv: a.csv}",
        "5:1: reader: give exactly one of bigquery, csv, delta, iceberg, parquet, postgres, predictions, python, snowflake, sql and streaming, found csv and predictions.",
    ),
    (
        "trip_id: string",
        "trip_id: string\n  scored: timestamp",
        "8:11: columns.scored: delay logs no scored. Did you mean score?",
    ),
    (
        "trip_id: string",
        "trip_id: string\n  action: string",
        "8:11: columns.action: delay logs no action. Known: effective_time, prediction_id, prediction_time, score, scored_at and 3 more.",
    ),
    (
        "type: float, unit: min",
        "type: int",
        "8:3: columns.score is float in the log of delay, found int. Write float.",
    ),
    (
        "trip_id: string",
        "trip_id: string\n  version: string",
        "8:12: columns.version is int in the log of delay, found string. Write int.",
    ),
    (
        "columns:",
        "key: [trip_id]\ncolumns:",
        "6:6: key: follows from the prediction log: one row for each prediction, known when it was scored. Remove it.",
    ),
    (
        "columns:",
        "known_at: {delay: 1h}\ncolumns:",
        "6:1: known_at: follows from the prediction log: one row for each prediction, known when it was scored. Remove it.",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_every_fault_names_the_place_and_the_remedy(ferry: Path, old: str, new: str, expected: str) -> None:
    edit(ferry, FILE, old, new)
    assert faults(ferry) == [f"{FILE}:{expected}"]


def test_a_model_may_not_read_its_predictions(ferry: Path) -> None:
    edit(ferry, "models/delay.yaml", "features: [ship_recent.mean_late_7d,", "features: [trip_expected.expected_delay,")
    assert faults(ferry) == [
        "sources/expected.yaml:5:23: reader.predictions: sources/expected -> delay/predictions -> features/trip_expected -> sources/expected is a cycle: none of these can be made before the others. Remove one reference."
    ]


def test_two_models_that_read_each_other_are_one_cycle_with_its_whole_path(ferry: Path) -> None:
    (ferry / "sources/alarms.yaml").write_text(
        EXPECTED.replace("name: expected", "name: alarms").replace("predictions: delay", "predictions: late")
    )
    edit(
        ferry,
        "models/delay.yaml",
        "{source: arrivals, expression: minutes_late,",
        "{source: alarms, expression: score,",
    )
    assert faults(ferry) == [
        "sources/alarms.yaml:5:23: reader.predictions: sources/alarms -> late/predictions -> features/trip_expected -> sources/expected -> delay/predictions -> sources/alarms is a cycle: none of these can be made before the others. Remove one reference."
    ]


def test_scores_of_single_classes_are_separate_columns(ferry: Path) -> None:
    late = LATE.replace("task: binary", "task: multiclass").replace("name: late", "name: grade")
    late = late.replace("expression: minutes_late >= 15", "expression: pier").replace("label * 20", "20")
    late = late.replace('gates: {auc: ">= 0.6"}\n', "")
    late = late.replace("  - {name: rule, expression: ship_recent.mean_late_7d > 10}\n", "")
    (ferry / "models/grade.yaml").write_text(late)
    edit(ferry, FILE, "predictions: delay", "predictions: grade")
    edit(ferry, FILE, "  score: {type: float, unit: min}", "  score_north_pier: float\n  predicted: string")
    edit(ferry, "features/trip_expected.yaml", "as_of: score", "as_of: score_north_pier")
    assert load_project(ferry, {}).sources["expected"].columns["score_north_pier"].type == "float"
    edit(ferry, FILE, "score_north_pier: float", "score_north_pier: int")
    assert faults(ferry)[0] == (
        "sources/expected.yaml:8:21: columns.score_north_pier is float in the log of grade, found int. Write float."
    )

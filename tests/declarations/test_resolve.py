"""What references in declarations stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.resolve import expand_features, feature_tables_of, feature_type, population_columns
from tests.declarations.ferry import edit


def test_a_star_means_all_columns_of_a_table_in_declared_order(ferry: Path) -> None:
    spec = load_project(ferry, {})
    assert expand_features(spec, spec.models["late"]) == (
        "ship_recent.trips_1d",
        "ship_recent.trips_7d",
        "ship_recent.mean_late_7d",
        "ship_recent.last_pier_ever",
        "trips.cars",
    )


def test_a_column_named_before_its_star_keeps_its_first_place(ferry: Path) -> None:
    edit(
        ferry,
        "models/late.yaml",
        "[ship_recent.*, trips.cars]",
        "[trips.cars, ship_recent.mean_late_7d, ship_recent.*]",
    )
    spec = load_project(ferry, {})
    assert expand_features(spec, spec.models["late"]) == (
        "trips.cars",
        "ship_recent.mean_late_7d",
        "ship_recent.trips_1d",
        "ship_recent.trips_7d",
        "ship_recent.last_pier_ever",
    )


def test_only_feature_tables_that_are_used_are_named(ferry: Path) -> None:
    edit(ferry, "models/delay.yaml", "[ship_recent.mean_late_7d, trips.price]", "[trips.price]")
    spec = load_project(ferry, {})
    assert feature_tables_of(spec, spec.models["delay"]) == ()
    assert feature_tables_of(spec, spec.models["late"]) == ("ship_recent",)


def test_population_columns_are_those_of_its_source(ferry: Path) -> None:
    spec = load_project(ferry, {})
    assert population_columns(spec, spec.models["late"]) == {
        "trips.trip_id": "string",
        "trips.ship": "string",
        "trips.departs_at": "timestamp",
        "trips.cars": "int",
        "trips.price": "float",
        "trips.open_deck": "bool",
    }


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("{count: true}", "int"),
        ("{sum: cars}", "int"),
        ("{sum: open_deck}", "int"),
        ("{sum: price}", "float"),
        ("{mean: cars}", "float"),
        ("{std: cars}", "float"),
        ("{share: cars > 3}", "float"),
        ("{time_since_last: true}", "float"),
        ("{min: cars}", "int"),
        ("{max: departs_at}", "timestamp"),
        ("{last: ship}", "string"),
        ("{last: price > 3}", "bool"),
    ],
)
def test_type_of_a_feature_follows_its_aggregate_and_expression(ferry: Path, feature: str, expected: str) -> None:
    edit(ferry, "features/ship_recent.yaml", "source: arrivals", "source: trips")
    table = ferry / "features/ship_recent.yaml"
    head = table.read_text().partition("features:")[0]
    table.write_text(f"{head}features:\n  it: {feature.replace('}', ', windows: [7d]}')}\n")
    edit(ferry, "models/delay.yaml", "[ship_recent.mean_late_7d, trips.price]", "[trips.price]")
    edit(ferry, "models/late.yaml", "[ship_recent.*, trips.cars]", "[trips.cars]")
    edit(ferry, "models/late.yaml", "ship_recent.mean_late_7d > 10", "trips.cars > 10")
    assert feature_type(load_project(ferry, {}), "ship_recent.it_7d") == expected

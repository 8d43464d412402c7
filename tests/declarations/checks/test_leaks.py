"""A feature that can only know the label is a fault of its declaration, before there is any data."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

from pathlib import Path

import pytest

from ml_platform.declarations.load.load import load_project
from tests.declarations.ferry import SHIP_RECENT, edit, faults

WAY_OUT = "Leave it out. If it is legitimately available at prediction time, list it in leakage.allow."


def allow(directory: Path, names: str) -> None:
    edit(directory, "models/late.yaml", "task: binary\n", f"task: binary\nleakage: {{allow: {names}}}\n")


def test_a_column_that_the_label_is_made_of_is_no_feature(ferry: Path) -> None:
    edit(
        ferry,
        "models/late.yaml",
        "{source: arrivals, expression: minutes_late >= 15",
        "{source: trips, expression: cars >= 15",
    )
    assert faults(ferry) == [
        f"models/late.yaml:8:27: features[1]: trips.cars is what the label is made of: the label reads it from the same source. {WAY_OUT}"
    ]
    allow(ferry, "[trips.cars]")
    load_project(ferry, {})


def test_a_table_of_the_row_of_the_label_is_no_feature(ferry: Path) -> None:
    replaced = SHIP_RECENT.replace("ship_recent", "own_arrival").replace("entity: ship", "entity: trip")
    (ferry / "features/own_arrival.yaml").write_text(replaced)
    edit(ferry, "models/late.yaml", "trips.cars]", "own_arrival.mean_late_7d]")
    assert faults(ferry) == [
        "models/late.yaml:8:27: features[1]: own_arrival is made of the one row of arrivals for each trip, which is the label's own: "
        f"it is empty until the label is known. {WAY_OUT}"
    ]
    allow(ferry, "[own_arrival.*]")
    load_project(ferry, {})


def test_another_row_of_the_label_s_source_may_be_joined_by_its_key(ferry: Path) -> None:
    """The arrival of the trip before: not the label's own row. By the trip's own key it would be."""
    replaced = SHIP_RECENT.replace("ship_recent", "own_arrival").replace("entity: ship", "entity: trip")
    (ferry / "features/own_arrival.yaml").write_text(replaced)
    edit(ferry, "sources/trips.yaml", "  cars: int\n", "  cars: int\n  trip_before: string\n")
    joins = "joins: {before: {table: own_arrival, keys: {trip_id: trip_before}}}\n"
    edit(ferry, "models/late.yaml", "task: binary\n", f"task: binary\n{joins}")
    edit(ferry, "models/late.yaml", "trips.cars]", "before.mean_late_7d]")
    load_project(ferry, {})
    edit(ferry, "models/late.yaml", "trip_id: trip_before", "trip_id: trip_id")
    assert [fault.split(": ")[2] for fault in faults(ferry)] == [
        "before is made of the one row of arrivals for each trip, which is the label's own"
    ]


def test_a_table_with_many_rows_for_each_entity_may_hold_earlier_labels(ferry: Path) -> None:
    load_project(ferry, {})  # ship_recent: many arrivals of each ship


@pytest.mark.parametrize(
    ("leaks", "expected"),
    [
        (
            "{allow: [ship_recent.trips]}",
            "6:19: leakage.allow[0]: ship_recent.trips is no feature of this model. Did you mean ship_recent.trips_7d?",
        ),
        ("{single_feature: 2}", "6:27: leakage.single_feature must be at most 1, found 2."),
        ("{single_feature: 0.5}", "6:27: leakage.single_feature must be greater than 0.5, found 0.5."),
        ("{alow: [label]}", "6:11: leakage: the key alow is unknown. Did you mean allow?"),
    ],
)
def test_a_faulty_exception_is_reported(ferry: Path, leaks: str, expected: str) -> None:
    edit(ferry, "models/late.yaml", "task: binary\n", f"task: binary\nleakage: {leaks}\n")
    assert faults(ferry) == [f"models/late.yaml:{expected}"]


def test_the_label_the_features_and_whole_tables_can_be_named(ferry: Path) -> None:
    allow(ferry, "[label, ship_recent.*, ship_recent.trips_1d, trips.cars]")
    assert load_project(ferry, {}).models["late"].leakage.allow[0] == "label"


def test_the_former_key_is_refused_and_the_new_one_named(ferry: Path) -> None:
    edit(ferry, "models/late.yaml", "task: binary\n", "task: binary\nleaks: {allow: [label]}\n")
    assert faults(ferry) == ["models/late.yaml:6:1: the key leaks has another name now. Write leakage."]

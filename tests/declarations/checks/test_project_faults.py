"""Every fault in project.yaml says where it is, what was found and what to do; nothing else is reported with it."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

from pathlib import Path

import pytest

from tests.declarations.ferry import each_fault, edit, faults

CASES = [
    (
        "project.yaml",
        "currency: NOK",
        "currency: nok",
        ["project.yaml:5:11: currency: 'nok' is not a currency. Write its three letters, such as USD."],
    ),
    (
        "project.yaml",
        "{simulated_from: 2024-06-01T00:00:00Z}",
        "real",
        ["project.yaml:6:8: clock: 'real' is not a clock. Write wall, or {simulated_from: 2013-12-01T00:00:00Z}."],
    ),
    (
        "project.yaml",
        "{simulated_from: 2024-06-01T00:00:00Z}",
        "{simulated_from: 2024-06-01T00:00:00}",
        [
            "project.yaml:6:25: clock.simulated_from: 2024-06-01T00:00:00 has no time zone. Write it in UTC, such as 2024-06-01T00:00:00Z."
        ],
    ),
    (
        "project.yaml",
        "{simulated_from: 2024-06-01T00:00:00Z}",
        "{simulated_from: soon}",
        [
            "project.yaml:6:25: clock.simulated_from: 'soon' is not an instant. Write it in UTC, such as 2013-12-01T06:00:00Z or 2013-12-01."
        ],
    ),
    (
        "project.yaml",
        "{simulated_from: 2024-06-01T00:00:00Z}",
        "{simulated: 2024-06-01T00:00:00Z}",
        [
            "project.yaml:6:1: clock: the key simulated_from is missing. Add it, such as simulated_from: '2024-02-20T00:00:00Z'.",
            "project.yaml:6:9: clock: the key simulated is unknown. Did you mean simulated_from?",
        ],
    ),
    (
        "project.yaml",
        "currency: NOK",
        "currency: NOK\nengine: polars",
        ["project.yaml:6:9: engine: 'polars' is not an engine. Write duckdb, spark, or {spark: spark://host:7077}."],
    ),
    (
        "project.yaml",
        "currency: NOK",
        "currency: NOK\nengine: 3",
        ["project.yaml:6:9: engine: 3 is not an engine. Write duckdb, spark, or {spark: spark://host:7077}."],
    ),
    (
        "project.yaml",
        "currency: NOK",
        "currency: NOK\nengine: {spark: http://host:7077}",
        [
            "project.yaml:6:17: engine.spark: 'http://host:7077' is not a Spark. Write a master, local[2] or spark://host:7077, or a Spark Connect server, sc://host:15002."
        ],
    ),
    (
        "project.yaml",
        "currency: NOK",
        "currency: NOK\nengine: {spark: 'local[0]'}",
        [
            "project.yaml:6:17: engine.spark: 'local[0]' is not a Spark. Write a master, local[2] or spark://host:7077, or a Spark Connect server, sc://host:15002."
        ],
    ),
    (
        "project.yaml",
        "currency: NOK",
        "currency: NOK\nengine: {master: local}",
        [
            "project.yaml:6:1: engine: the key spark is missing. Add it, such as spark: spark://host:7077.",
            "project.yaml:6:10: engine: the key master is unknown. Known: spark.",
        ],
    ),
    (
        "project.yaml",
        "ship: [ship]",
        "ship: ship",
        ["project.yaml:9:9: entities.ship must be a list, found 'ship'. Write it as [a, b]."],
    ),
    (
        "project.yaml",
        "name: ferry",
        "name: Ferry",
        [
            "project.yaml:2:7: name must be a name of small letters, digits and _ that begins with a letter, found 'Ferry'."
        ],
    ),
    (
        "project.yaml",
        "trip: [trip_id]",
        "trip: [label]",
        [
            "project.yaml:8:10: entities.trip[0]: label is a name of the platform's own. Choose another, and give the name in the input as its source_column."
        ],
    ),
    (
        "project.yaml",
        "trip: [trip_id]",
        "trip: [trip_id, trip_id]",
        ["project.yaml:8:19: entities.trip[1]: trip_id is listed twice. Remove one."],
    ),
]


@each_fault(CASES)
def test_a_fault_names_the_place_the_value_and_the_remedy(
    ferry: Path, file: str, old: str, new: str, expected: list[str]
) -> None:
    edit(ferry, file, old, new)
    assert faults(ferry) == expected


@pytest.mark.parametrize("state", ["''", ".", "..", "./sources", "features/kept", "data/..", "/"])
def test_the_state_folder_is_none_that_holds_files_of_the_project(ferry: Path, state: str) -> None:
    edit(ferry, "project.yaml", "currency: NOK", f"currency: NOK\nstorage: {{state: {state}}}")
    (fault,) = faults(ferry)
    assert "is a folder with files of your own. Name a new folder, such as .ml_platform" in fault
    assert fault.startswith("project.yaml:6:")


def test_no_source_reads_files_in_the_state_folder(ferry: Path) -> None:
    edit(ferry, "project.yaml", "currency: NOK", "currency: NOK\nstorage: {state: data}")
    problems = faults(ferry)
    assert problems
    assert all("is in the state folder, whose files are removed and written again" in fault for fault in problems)

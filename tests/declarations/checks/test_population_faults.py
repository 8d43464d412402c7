"""Every fault in a population says where it is, what was found and what to do; what is right is taken."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.load.schema import json_schemas
from ml_platform.declarations.populations.any_population import read_population
from ml_platform.declarations.populations.events import EventPopulation
from ml_platform.declarations.populations.ticks import TickPopulation
from ml_platform.declarations.serialized import kept_declarations, read_declarations
from ml_platform.project import open_project
from tests.declarations.ferry import edit, faults

OLD = "population: {source: trips, entity: trip, prediction_time: departs_at - 2h}"
LABEL = "label: {source: arrivals, expression: minutes_late >= 15, horizon: 1d}"
BATCH = 'deployment: {batch: "0 * * * * Europe/Oslo"}\n'
TICKS = "every: '0 6 * * * Europe/Oslo', while: ship_recent.trips_7d > 0"

CASES = [
    (
        "{entity: ship, every: '0 6 * * * Europe/Oslo'}",
        ["models/late.yaml:6:1: population: the key while is missing. Add it, such as while: shopping.visits_84d > 0."],
    ),
    (
        "{entity: ship, every: 0 6 * * *, while: ship_recent.trips_7d > 0}",
        [
            "models/late.yaml:6:35: population.every: '0 6 * * *' is not a schedule. Write five cron fields and a time zone, such as '0 3 * * 1 UTC'."
        ],
    ),
    (
        "{entity: ship, every: '0 6 * * * Europe/Oslo', while: ship_recent.trip_7d > 0}",
        [
            "models/late.yaml:6:67: population.while: ship_recent.trip_7d is not a column. Did you mean ship_recent.trips_7d?"
        ],
    ),
    (
        "{entity: ship, every: '0 6 * * * Europe/Oslo', while: ship_recent.trips_7d}",
        ["models/late.yaml:6:67: population.while must give a bool, found an int. Write a comparison, such as x > 0."],
    ),
    (
        "{entity: ship, every: '0 6 * * * Europe/Oslo', while: ship_recnt.trips_7d > 0}",
        [
            "models/late.yaml:6:67: population.while: ship_recnt is not a feature table. Write table.column. Did you mean ship_recent?"
        ],
    ),
    (
        "{entity: ship, every: '0 6 * * * Europe/Oslo', while: ship_recent.trips_7d >}",
        [
            "models/late.yaml:6:67: population.while: invalid syntax. Write columns, values, operators and functions only."
        ],
    ),
    (
        "{entity: trip, every: '0 6 * * * Europe/Oslo', while: ship_recent.trips_7d > 0}",
        [
            "models/late.yaml:6:67: population.while: it reads no feature table of trip, so the entities are unknown. Name a feature, table.column, of a table with entity: trip."
        ],
    ),
    (
        f"{{entity: shp, {TICKS}}}",
        ["models/late.yaml:6:22: population.entity: there is no entity shp in project.yaml. Did you mean ship?"],
    ),
    (
        f"{{entity: ship, {TICKS}, where: a > 1}}",
        ["models/late.yaml:6:1: population: where belongs to a population with source or on, found every. Remove it."],
    ),
    (
        f"{{entity: ship, {TICKS}, on: trips}}",
        [
            "models/late.yaml:6:1: population: found every and on. A population has one of source, every, on: remove the others."
        ],
    ),
    (
        "{entity: ship, on: arivals, where: minutes_late > 5}",
        ["models/late.yaml:6:32: population.on: there is no source arivals. Did you mean arrivals?"],
    ),
    (
        "{entity: ship, on: arrivals, where: minute_late > 5, until: {source: tripz}}",
        [
            "models/late.yaml:6:49: population.where: minute_late is not a column. Did you mean minutes_late?",
            "models/late.yaml:6:66: population.until: there is no source tripz. Did you mean trips?",
        ],
    ),
    (
        "{entity: ship, on: trips, until: {source: arrivals, where: minutes_late}}",
        [
            "models/late.yaml:6:72: population.until.where must give a bool, found a float. Write a comparison, such as x > 0."
        ],
    ),
    (
        "{entity: ship, on: trips, sample: 0, max_rows: 0}",
        [
            "models/late.yaml:6:47: population.sample must be greater than 0, found 0.",
            "models/late.yaml:6:60: population.max_rows must be at least 1, found 0.",
        ],
    ),
]


@pytest.fixture
def ships(ferry: Path) -> Path:
    edit(ferry, "models/late.yaml", LABEL, "label: {source: arrivals, any: minutes_late > 15, within: 1d, settle: 2h}")
    edit(ferry, "models/late.yaml", "features: [ship_recent.*, trips.cars]", "features: [ship_recent.*]")
    return ferry


@pytest.mark.parametrize(("declared", "expected"), CASES, ids=[declared for declared, _ in CASES])
def test_a_fault_names_the_place_the_value_and_the_remedy(ships: Path, declared: str, expected: list[str]) -> None:
    edit(ships, "models/late.yaml", OLD, f"population: {declared}")
    if "every" in declared:
        edit(ships, "models/late.yaml", BATCH, "")
    assert faults(ships) == expected


def test_another_schedule_than_the_ticks_is_refused(ships: Path) -> None:
    edit(ships, "models/late.yaml", OLD, f"population: {{entity: ship, {TICKS}}}")
    assert faults(ships) == [
        "models/late.yaml:20:21: deployment.batch: found 0 * * * * Europe/Oslo, and population.every is 0 6 * * * Europe/Oslo: its ticks are the batch runs. Remove deployment.batch."
    ]
    edit(ships, "models/late.yaml", BATCH, 'deployment: {batch: "0 6 * * * Europe/Oslo"}\n')
    open_project(ships)


@pytest.mark.parametrize(
    ("population", "batch"), [(TICKS, ""), ("on: trips", 'batch: "0 * * * * Europe/Oslo", ')], ids=["ticks", "events"]
)
def test_scoring_late_rows_is_refused_where_no_row_is_late(ships: Path, population: str, batch: str) -> None:
    edit(ships, "models/late.yaml", OLD, f"population: {{entity: ship, {population}}}")
    edit(ships, "models/late.yaml", BATCH, f"deployment: {{{batch}late_rows: score}}\n")
    [fault] = faults(ships)
    assert fault.startswith("models/late.yaml:20:")
    assert fault.endswith(
        ": deployment.late_rows: has no effect: what becomes known late is asked about at the next batch run in any case. Remove it."
    )


@pytest.mark.parametrize("population", ["", "deployment: {online: false}\n"])
def test_rows_and_events_need_batch_runs(ships: Path, population: str) -> None:
    edit(ships, "models/late.yaml", BATCH, population)
    edit(ships, "models/late.yaml", OLD, "population: {entity: ship, on: trips}")
    place = (
        "models/late.yaml:20:1: deployment: the key batch" if population else "models/late.yaml:1:1: the key deployment"
    )
    assert faults(ships)[0].startswith(f"{place} is missing. Add it, such as ")


def test_the_issue_s_declarations_are_read(ships: Path) -> None:
    edit(ships, "models/late.yaml", BATCH, "")
    edit(
        ships, "models/late.yaml", OLD, f"population: {{entity: ship, {TICKS}, until: {{source: trips}}, sample: 0.5}}"
    )
    edit(
        ships,
        "models/delay.yaml",
        OLD,
        "population: {on: trips, entity: trip, where: cars >= 50, at_most_once_per: 7d}",
    )
    spec = open_project(ships).spec
    ticks, events = spec.models["late"].population, spec.models["delay"].population
    assert isinstance(ticks, TickPopulation)
    assert (ticks.while_, ticks.references, ticks.sources) == (
        "ship_recent.trips_7d > 0",
        ("ship_recent.trips_7d",),
        ("trips",),
    )
    assert spec.models["late"].batch.text == "0 6 * * * Europe/Oslo"
    assert isinstance(events, EventPopulation)
    assert (events.on, events.where, events.at_most_once_per) == ("trips", "cars >= 50", timedelta(days=7))
    for name in ("late", "delay"):
        reread = read_declarations(spec, json.loads(json.dumps(kept_declarations(spec, name))))
        assert reread.models[name] == spec.models[name]


def test_a_source_and_a_source_with_nothing_else_are_one_until() -> None:
    declared = {"on": "baskets", "entity": "customer"}
    short, long = (read_population({**declared, "until": until}) for until in ("churn", {"source": "churn"}))
    assert short == long


def test_what_decides_a_population_of_rows_is_what_it_was_before_there_were_others() -> None:
    population = read_population({"source": "orders", "entity": "order", "prediction_time": "placed_at"})
    assert deciding(population) == {"source": "orders", "entity": "order", "prediction_time": "placed_at"}


@pytest.mark.parametrize(
    "declared",
    [
        {"source": "orders", "entity": "order", "prediction_time": "placed_at + 1h"},
        {"entity": "customer", "every": "0 6 * * 1 UTC", "while": "shopping.visits_84d > 0"},
        {"on": "baskets", "entity": "customer", "where": "amount >= 50", "at_most_once_per": "7d", "until": "churn"},
    ],
)
def test_editors_take_each_kind_of_population(declared: dict[str, str]) -> None:
    schema = json_schemas()["model"]
    check = Draft202012Validator({**schema["properties"]["population"], "$defs": schema.get("$defs", {})})
    check.validate(declared)
    assert not check.is_valid({**declared, "whil": "x"})


@pytest.mark.parametrize("column", ["version", "Action", "model"])
def test_a_key_with_the_name_of_a_column_of_the_prediction_log_is_refused(ferry: Path, column: str) -> None:
    edit(ferry, "project.yaml", "trip: [trip_id]", f"trip: [{column}]")
    text = f"population.entity: the key of trip is called {column}, as a column of the prediction log is."
    remedy = "Choose another, and give the name in the input as its source_column."
    assert f"models/late.yaml:6:37: {text} {remedy}" in faults(ferry)

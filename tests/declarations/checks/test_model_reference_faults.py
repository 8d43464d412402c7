"""Every fault in a model that refers to something says where it is, what was found and what to do; nothing else is reported with it."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

from pathlib import Path

from tests.declarations.ferry import each_fault, edit, faults

CASES = [
    (
        "sources/arrivals.yaml",
        "trip_id: string",
        "trip_id: int",
        [
            "models/delay.yaml:7:17: label.source: the key trip_id is string in trips and int in arrivals. Declare one type.",
            "models/late.yaml:7:17: label.source: the key trip_id is string in trips and int in arrivals. Declare one type.",
        ],
    ),
    (
        "sources/arrivals.yaml",
        "trip_id: string",
        "trip_id: float",
        [
            "models/delay.yaml:7:17: label.source: the key trip_id is string in trips and float in arrivals. Declare one type.",
            "models/late.yaml:7:17: label.source: the key trip_id is string in trips and float in arrivals. Declare one type.",
        ],
    ),
    (
        "models/late.yaml",
        "source: trips,",
        "source: trip,",
        ["models/late.yaml:6:22: population.source: there is no source trip. Did you mean trips?"],
    ),
    (
        "models/late.yaml",
        "source: trips,",
        "source: ship_recent,",
        [
            "models/late.yaml:6:22: population.source: ship_recent is a feature table, and rows come from sources. Known: arrivals, trips."
        ],
    ),
    (
        "models/late.yaml",
        "entity: trip,",
        "entity: trips,",
        ["models/late.yaml:6:37: population.entity: there is no entity trips in project.yaml. Did you mean trip?"],
    ),
    (
        "models/late.yaml",
        "entity: trip,",
        "entity: ship, where: cars,",
        ["models/late.yaml:6:50: population.where must give a bool, found an int. Write a comparison, such as x > 0."],
    ),
    (
        "models/late.yaml",
        "departs_at - 2h",
        "departs_a - 2h",
        ["models/late.yaml:6:60: population.prediction_time: departs_a is not a column. Did you mean departs_at?"],
    ),
    (
        "models/late.yaml",
        "departs_at - 2h",
        "departs_at - 2",
        ["models/late.yaml:6:60: population.prediction_time: a timestamp - an int has no meaning."],
    ),
    (
        "models/late.yaml",
        "departs_at - 2h",
        "departs_at - departs_at",
        [
            "models/late.yaml:6:60: population.prediction_time must give a timestamp, found a duration. Write a moment, such as departs_at - 2h."
        ],
    ),
    (
        "models/late.yaml",
        "source: arrivals,",
        "source: arival,",
        ["models/late.yaml:7:17: label.source: there is no source arival. Did you mean arrivals?"],
    ),
    (
        "models/late.yaml",
        "minutes_late >= 15",
        "minutes_late",
        [
            "models/late.yaml:7:39: label.expression must give a bool, found a float. Write a condition, such as delay >= 30."
        ],
    ),
    (
        "models/late.yaml",
        "minutes_late >= 15",
        "minute_late >= 15",
        ["models/late.yaml:7:39: label.expression: minute_late is not a column. Did you mean minutes_late?"],
    ),
    (
        "models/late.yaml",
        "minutes_late >= 15",
        "pier >= 15",
        ["models/late.yaml:7:39: label.expression: an int and a string do not go together."],
    ),
    (
        "models/delay.yaml",
        "minutes_late, horizon: 1d",
        "minutes_late, horizon: 1d, missing: negative",
        [
            "models/delay.yaml:7:75: label.missing: negative belongs to binary models, found task regression. Write drop."
        ],
    ),
    (
        "models/delay.yaml",
        "minutes_late, horizon",
        "pier, horizon",
        ["models/delay.yaml:7:39: label.expression must give a float or an int, found a string. Give a number."],
    ),
    (
        "models/late.yaml",
        "trips.cars]",
        "trips.car]",
        ["models/late.yaml:8:27: features[1]: trips has no column car. Did you mean cars?"],
    ),
    (
        "models/late.yaml",
        "trips.cars]",
        "trips.*]",
        [
            "models/late.yaml:8:27: features[1]: trips.* would take keys and times too. Name the columns that are features."
        ],
    ),
    (
        "models/late.yaml",
        "trips.cars]",
        "trips.departs_at]",
        [
            "models/late.yaml:8:27: features[1]: trips.departs_at is a timestamp, and no algorithm reads one. Make numbers of it in a transform."
        ],
    ),
    (
        "models/late.yaml",
        "trips.cars]",
        "cars]",
        ["models/late.yaml:8:27: features[1]: 'cars' is not a feature. Write table.column, table.* or trips.column."],
    ),
    (
        "models/late.yaml",
        "trips.cars]",
        "arrivals.pier]",
        [
            "models/late.yaml:8:27: features[1]: arrivals is a source, but not the population's. Make a feature table of it."
        ],
    ),
    (
        "models/late.yaml",
        "trips.cars]",
        "ship_recnt.trips_1d]",
        ["models/late.yaml:8:27: features[1]: there is no feature table ship_recnt. Did you mean ship_recent?"],
    ),
    (
        "models/late.yaml",
        "trips.cars]",
        "ship_recent.*]",
        ["models/late.yaml:8:27: features[1]: ship_recent.* is listed twice. Remove one."],
    ),
    (
        "models/late.yaml",
        "trips.cars]",
        "ship_recent.mean_lat_7d]",
        ["models/late.yaml:8:27: features[1]: ship_recent has no column mean_lat_7d. Did you mean mean_late_7d?"],
    ),
    (
        "models/late.yaml",
        "trips.cars]",
        "ship_recent.trips]",
        [
            "models/late.yaml:8:27: features[1]: ship_recent.trips needs a window. Write one of ship_recent.trips_1d, ship_recent.trips_7d."
        ],
    ),
    (
        "models/late.yaml",
        "features: [",
        "transforms: ['transforms.calendar:weekday']\nfeatures: [",
        [
            "models/late.yaml:8:14: transforms[0]: there is no module transforms.calendar in the project. Add transforms/calendar.py."
        ],
    ),
    (
        "models/late.yaml",
        "ship_recent.mean_late_7d > 10",
        "ship_recent.mean_late > 10",
        [
            "models/late.yaml:12:30: baselines[0].expression: ship_recent.mean_late is not a column. Did you mean ship_recent.mean_late_7d?"
        ],
    ),
    (
        "models/late.yaml",
        "ship_recent.mean_late_7d > 10",
        "trips.price > 10",
        ["models/late.yaml:12:30: baselines[0].expression: trips.price is not a column. Did you mean trips.cars?"],
    ),
    (
        "models/late.yaml",
        "ship_recent.mean_late_7d > 10",
        "ship_recent.last_pier_ever",
        [
            "models/late.yaml:12:30: baselines[0].expression must give a bool, a float or an int, found a string. Write a condition, or a probability."
        ],
    ),
    (
        "models/late.yaml",
        "auc:",
        "acu:",
        ["models/late.yaml:19:14: gates.acu: acu is not a figure of a binary model. Did you mean auc?"],
    ),
    (
        "models/delay.yaml",
        "monitoring:",
        "gates: {auc: '> 0.5'}\nmonitoring:",
        [
            "models/delay.yaml:15:14: gates.auc: auc is not a figure of a regression model. Known: bias, environment_differences, feature_age_hours, latency_ms, mae and 14 more."
        ],
    ),
]


@each_fault(CASES)
def test_a_fault_names_the_place_the_value_and_the_remedy(
    ferry: Path, file: str, old: str, new: str, expected: list[str]
) -> None:
    edit(ferry, file, old, new)
    assert faults(ferry) == expected


def test_a_join_by_a_feature_of_a_table_without_a_source_adds_no_fault(ferry: Path) -> None:
    joins = (
        "joins: {other: {table: ship_recent, keys: {ship: ship_recent.last_pier_ever}}}\nfeatures: [other.trips_1d, "
    )
    edit(ferry, "models/late.yaml", "features: [", joins)
    edit(ferry, "features/ship_recent.yaml", "source: arrivals", "source: arrival")
    assert faults(ferry) == [
        "features/ship_recent.yaml:6:9: source: there is no source arrival. Did you mean arrivals?"
    ]

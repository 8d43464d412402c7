"""Every fault in a source says where it is, what was found and what to do; nothing else is reported with it."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

from pathlib import Path

from tests.declarations.ferry import each_fault, edit, faults

CASES = [
    (
        "sources/trips.yaml",
        "open_deck: bool",
        "open_deck: bool\n  Ship: int",
        [
            "sources/trips.yaml:16:9: columns.Ship: Ship and ship differ only in case, and engines take them for one column. Choose another, and give the name in the input as its source_column."
        ],
    ),
    (
        "sources/trips.yaml",
        "{csv: data/trips.csv}",
        "{csv: a, parquet: b}",
        [
            "sources/trips.yaml:5:1: reader: give exactly one of bigquery, csv, delta, iceberg, parquet, postgres, predictions, python, snowflake, sql and streaming, found csv and parquet."
        ],
    ),
    (
        "sources/trips.yaml",
        "{delay: -2d}",
        "{}",
        ["sources/trips.yaml:8:1: known_at: give either column or delay, found neither."],
    ),
    (
        "sources/trips.yaml",
        "cars: int",
        "cars: integer",
        [
            "sources/trips.yaml:13:9: columns.cars must be string, int, float, bool or timestamp, found 'integer'. Did you mean int?"
        ],
    ),
    (
        "sources/trips.yaml",
        "cars: int",
        "cars: {type: int, required: yes}",
        ["sources/trips.yaml:13:31: columns.cars.required must be true or false, found 'yes'."],
    ),
    (
        "sources/trips.yaml",
        "cars: int",
        "cars: {unit: x}",
        ["sources/trips.yaml:13:3: columns.cars: the key type is missing. Add it, such as type: float."],
    ),
    (
        "sources/trips.yaml",
        "[trip_id]",
        "trip_id",
        ["sources/trips.yaml:6:6: key must be a list, found 'trip_id'. Write it as [a, b]."],
    ),
    (
        "sources/trips.yaml",
        "key: [trip_id]",
        "key: [trip_i]",
        ["sources/trips.yaml:6:7: key[0]: trip_i is not a column. Did you mean trip_id?"],
    ),
    (
        "sources/trips.yaml",
        "key: [trip_id]",
        "key: [trip_id, trip_id]",
        ["sources/trips.yaml:6:16: key[1]: trip_id is listed twice. Remove one."],
    ),
    (
        "sources/trips.yaml",
        "event_timestamp: departs_at",
        "event_timestamp: departs",
        ["sources/trips.yaml:7:18: event_timestamp: departs is not a column. Did you mean departs_at?"],
    ),
    (
        "sources/trips.yaml",
        "event_timestamp: departs_at",
        "event_timestamp: cars",
        ["sources/trips.yaml:7:18: event_timestamp must be a timestamp, found cars of type int. Known: departs_at."],
    ),
    (
        "sources/arrivals.yaml",
        "{column: logged_at}",
        "{column: loged_at}",
        ["sources/arrivals.yaml:8:20: known_at.column: loged_at is not a column. Did you mean logged_at?"],
    ),
    (
        "sources/arrivals.yaml",
        "{column: logged_at}",
        "{column: pier}",
        [
            "sources/arrivals.yaml:8:20: known_at.column must be a timestamp, found pier of type string. Known: arrived_at, logged_at."
        ],
    ),
    (
        "sources/trips.yaml",
        "cars: int",
        "cars: {type: int, zone: UTC}",
        ["sources/trips.yaml:13:27: columns.cars.zone belongs to timestamps, found type int. Remove it."],
    ),
    (
        "sources/trips.yaml",
        "departs_at: timestamp",
        "departs_at: {type: timestamp, zone: America/New_Yrk}",
        [
            "sources/trips.yaml:12:39: columns.departs_at.zone: there is no time zone America/New_Yrk. Did you mean America/New_York?"
        ],
    ),
    (
        "sources/trips.yaml",
        "price: float",
        "price: float\n  _ingest: int",
        [
            "sources/trips.yaml:15:12: columns._ingest: names that begin with _ are the platform's own. Choose another, and give the name in the input as its source_column.",
        ],
    ),
    (
        "sources/trips.yaml",
        "cars: int",
        "the.cars: int",
        [
            "models/delay.yaml:12:38: value.payoff: cars is not a column. Did you mean the.cars?",
            "models/late.yaml:8:27: features[1]: trips has no column cars. Did you mean the.cars?",
            "sources/trips.yaml:13:13: columns.the.cars: a column's name has no dot. Choose another, and give the name in the input as its source_column.",
        ],
    ),
    (
        "sources/trips.yaml",
        "{csv: data/trips.csv}",
        "{python: readers:trips}",
        ["sources/trips.yaml:5:18: reader.python: there is no module readers in the project. Add readers.py."],
    ),
    (
        "sources/trips.yaml",
        "{csv: data/trips.csv}",
        "{python: readers.trips}",
        [
            "sources/trips.yaml:5:18: reader.python: 'readers.trips' does not name code of the project. Write module:name, such as transforms.calendar:weekday."
        ],
    ),
    (
        "sources/arrivals.yaml",
        "expect: column_values_to_not_be_null",
        "expect: column_values_to_not_be_nul",
        [
            "sources/arrivals.yaml:17:5: expectations[0]: unknown expectation 'column_values_to_not_be_nul'. Did you mean column_values_to_not_be_null?"
        ],
    ),
    (
        "sources/arrivals.yaml",
        "args: {column: ship}",
        "args: {column: shipp}",
        [
            "sources/arrivals.yaml:17:5: expectations[0]: column_values_to_not_be_null names the unknown column 'shipp'. Did you mean ship?"
        ],
    ),
    (
        "sources/arrivals.yaml",
        "args: {column: ship}",
        "args: {colum: ship}",
        [
            "sources/arrivals.yaml:17:5: expectations[0]: column_values_to_not_be_null has no argument 'colum'. Did you mean column?"
        ],
    ),
]


@each_fault(CASES)
def test_a_fault_names_the_place_the_value_and_the_remedy(
    ferry: Path, file: str, old: str, new: str, expected: list[str]
) -> None:
    edit(ferry, file, old, new)
    assert faults(ferry) == expected

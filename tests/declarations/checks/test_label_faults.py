"""Every fault in a label over a window says where it is, what was found and what to do; what is right is taken."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from ml_platform.declarations.label import WindowLabel, read_label
from ml_platform.declarations.label_aggregates import label_aggregates
from ml_platform.declarations.serialized import kept_declarations, read_declarations
from ml_platform.project import open_project
from tests.declarations.ferry import edit, faults

BINARY = "label: {source: arrivals, expression: minutes_late >= 15, horizon: 1d}"
NUMBER = "label: {source: arrivals, expression: minutes_late, horizon: 1d}"
DELAYED = ("known_at: {column: logged_at}", "known_at: {delay: 2h}")
LABELS = "any, none, count, std, count_distinct, mode, median, quantile, min, max, last, first, ratio, sum, mean, share, time_to"

CASES = [
    (
        "{source: arrivals, any: minutes_late > 15, within: 1d}",
        [
            "models/late.yaml:7:1: label: settle is missing: column logged_at has the known-at of each row of arrivals, so it is not declared when all rows of the window are known. Add how long that takes, such as settle: 2d."
        ],
    ),
    (
        "{source: arrivals, any: minutes_late > 15, after: 1d, within: 1d, settle: 1h}",
        [
            "models/late.yaml:7:1: label: the window must end after its start, found after 1d and within 1d. Lengthen within, or shorten after."
        ],
    ),
    (
        "{source: arrivals, sum: minutes_late, within: 1d, settle: 1h}",
        [
            "models/late.yaml:7:32: label.sum: the type of sum is float, and task binary needs a condition. Write any or none, or compare aggregates in label.expression."
        ],
    ),
    (
        "{source: arrivals, any: minute_late > 15, within: 1d, settle: 1h}",
        ["models/late.yaml:7:32: label.any: minute_late is not a column. Did you mean minutes_late?"],
    ),
    (
        "{source: arrivals, any: minutes_late, within: 1d, settle: 1h}",
        ["models/late.yaml:7:32: label.any must give a bool, found a float. Write a condition, such as amount > 0."],
    ),
    (
        "{source: arrivals, any: minutes_late > 1, where: piers == 'x', within: 1d, settle: 1h}",
        ["models/late.yaml:7:57: label.where: piers is not a column. Did you mean pier?"],
    ),
    (
        "{source: arrivals, any: minutes_late > 1, withn: 1d}",
        ["models/late.yaml:7:50: label: the key withn is unknown. Did you mean within?"],
    ),
    (
        "{source: arrivals, any: minutes_late > 1, within: 1d, settle: 1h, missing: negative}",
        [
            "models/late.yaml:7:1: label: missing belongs to a label of one row: over no row, an aggregate has an answer. Remove it."
        ],
    ),
    (
        "{source: arrivals, count: true, none: minutes_late > 1, within: 1d, settle: 1h}",
        [f"models/late.yaml:7:1: label: give exactly one of {LABELS}, found count and none."],
    ),
    (
        "{source: arrivals, within: 1d, settle: 1h, aggregates: {n: {count: true}}}",
        [
            "models/late.yaml:7:1: label: aggregates and expression belong together: the expression reads aggregates by name."
        ],
    ),
    (
        "{source: arrivals, within: 1d, settle: 1h, aggregates: {n: {count: true}}, expression: m > 1}",
        ["models/late.yaml:7:95: label.expression: m is not a column. Known: n."],
    ),
    (
        "{source: arrivals, within: 1d, settle: 1h, aggregates: {n: {sum: pier}}, expression: n > 1}",
        [
            "models/late.yaml:7:73: label.aggregates.n.sum must give a bool, a float or an int, found a string. Sum a number, or take last or count."
        ],
    ),
    (
        "{source: arrivals, any: minutes_late > 1, within: 1d, settle: 1h, horizon: 2d}",
        [
            "models/late.yaml:7:1: label: found both settle and horizon. The horizon is within and settle together: remove it."
        ],
    ),
    (
        "{source: arrivals, any: minutes_late > 1, within: 28d, horizon: 7d}",
        [
            "models/late.yaml:7:1: label: the label cannot be settled before its window ends, found horizon 7d and within 28d. Remove horizon."
        ],
    ),
]


CASES += [
    (
        "{source: arrivals, any: minutes_late > ship_recnt.mean_late_7d, within: 1d, settle: 1h}",
        [
            "models/late.yaml:7:1: label: ship_recnt is neither a feature table nor the population. Write table.column. Did you mean ship_recent?"
        ],
    ),
    (
        "{source: arrivals, any: minutes_late > arrivals.minutes_late, within: 1d, settle: 1h}",
        [
            "models/late.yaml:7:1: label: arrivals is the source of the label. Write its columns without arrivals and the dot."
        ],
    ),
    (
        "{source: arrivals, any: minutes_late > ship_recent.mean_late, within: 1d, settle: 1h}",
        [
            "models/late.yaml:7:47: label.any: ship_recent.mean_late is not a column. Did you mean ship_recent.mean_late_7d?"
        ],
    ),
    (
        "{source: arrivals, any: pier == ship_recent.mean_late_7d, within: 1d, settle: 1h}",
        ["models/late.yaml:7:32: label.any: a float and a string do not go together."],
    ),
    (
        "{source: arrivals, within: 1d, settle: 1h, aggregates: {n: {count: true}}, expression: n > trips.carz}",
        ["models/late.yaml:7:99: label.expression: trips.carz is not a column. Did you mean trips.cars?"],
    ),
    (
        "{source: arrivals, expression: minutes_late > ship_recent.trips, horizon: 1d}",
        [
            "models/late.yaml:7:54: label.expression: ship_recent.trips is not a column. Did you mean ship_recent.trips_7d?"
        ],
    ),
]


@pytest.mark.parametrize(("label", "expected"), CASES)
def test_a_fault_in_a_label_over_a_window_is_reported_at_its_place(
    ferry: Path, label: str, expected: list[str]
) -> None:
    edit(ferry, "models/late.yaml", BINARY, f"label: {label}")
    assert faults(ferry) == expected


@pytest.mark.parametrize(
    "label",
    [
        "{source: arrivals, any: minutes_late > ship_recent.mean_late_7d, within: 1d, settle: 1h}",
        "{source: arrivals, any: minutes_late > trips.cars, where: pier == ship_recent.last_pier_ever, within: 1d, settle: 1h}",
        "{source: arrivals, within: 1d, settle: 1h, aggregates: {n: {count: true}}, expression: n > ship_recent.trips_7d}",
        "{source: arrivals, any: minutes_late > 15, within: 1d, settle: 1h}",
        "{source: arrivals, none: minutes_late > 15, after: 2h, within: 1d, horizon: 2d}",
        "{source: arrivals, within: 1d, settle: 1h, aggregates: {n: {count: true}, s: {sum: minutes_late}}, expression: s > 3 and n > 1}",
    ],
)
def test_a_right_label_over_a_window_is_taken(ferry: Path, label: str) -> None:
    edit(ferry, "models/late.yaml", BINARY, f"label: {label}")
    assert isinstance(open_project(ferry).spec.models["late"].label, WindowLabel)


def test_a_horizon_that_is_shorter_than_the_delay_of_the_source_is_refused(ferry: Path) -> None:
    edit(ferry, "sources/arrivals.yaml", *DELAYED)
    edit(ferry, "models/late.yaml", BINARY, "label: {source: arrivals, any: pier == 'x', within: 1d, horizon: 25h}")
    assert faults(ferry) == [
        "models/late.yaml:7:1: label: the label is settled 25h after the prediction time, and the last rows of its window become known 2h after they happen. Make the horizon at least 26h, or remove it."
    ]


def test_the_horizon_follows_from_the_window_and_the_delay_of_the_source(ferry: Path) -> None:
    edit(ferry, "sources/arrivals.yaml", *DELAYED)
    edit(ferry, "models/delay.yaml", NUMBER, "label: {source: arrivals, sum: minutes_late, after: 1h, within: 1d}")
    edit(ferry, "models/late.yaml", BINARY, "label: {source: arrivals, any: pier == 'x', within: 2h, settle: 1d}")
    models = open_project(ferry).spec.models
    assert models["delay"].label.horizon == timedelta(hours=26)
    assert models["late"].label.horizon == timedelta(hours=26)


def test_a_split_shorter_than_the_horizon_of_the_window_is_refused(ferry: Path) -> None:
    edit(ferry, "models/late.yaml", BINARY, "label: {source: arrivals, any: pier == 'x', within: 7d, settle: 1d}")
    assert faults(ferry) == [
        "models/late.yaml:9:31: split.validate must be longer than the label's horizon of 8d (7d within and 1d to settle), found 7d. No row of this period would have a label before the next period starts."
    ]


def test_the_row_that_asks_may_predict_from_its_columns_when_the_label_is_about_later_rows(ferry: Path) -> None:
    label = "label: {source: trips, sum: cars, within: 1d, settle: 1d}"
    edit(ferry, "models/delay.yaml", NUMBER, label)
    edit(ferry, "models/delay.yaml", "trips.price]", "trips.price, trips.cars]")
    assert isinstance(open_project(ferry).spec.models["delay"].label, WindowLabel)


def test_a_kept_label_over_a_window_is_reread_as_it_was(ferry: Path) -> None:
    text = "{source: arrivals, within: 1d, settle: 1h, aggregates: {n: {count: true}, s: {sum: minutes_late}}, expression: s > 3 and n > 1}"
    edit(ferry, "models/late.yaml", BINARY, f"label: {text}")
    edit(
        ferry,
        "models/delay.yaml",
        NUMBER,
        "label: {source: arrivals, max: minutes_late, where: pier == 'x', within: 1d, settle: 1h}",
    )
    spec = open_project(ferry).spec
    for model in ("late", "delay"):
        read = read_declarations(spec, json.loads(json.dumps(kept_declarations(spec, model))))
        assert read.models == {model: spec.models[model]}
        assert isinstance(read.models[model].label, WindowLabel)


def test_a_feature_of_the_present_is_no_label_and_a_time_to_an_event_no_feature(ferry: Path) -> None:
    assert not {"time_since_last", "as_of", "derived"} & set(label_aggregates())
    with pytest.raises(ValueError, match="time_since_last"):
        read_label({"source": "arrivals", "time_since_last": True, "within": "1d"})
    edit(
        ferry,
        "features/ship_recent.yaml",
        "{last: pier, windows: [ever]}",
        "{time_to: minutes_late > 3, windows: [1d]}",
    )
    assert next(fault.partition(", found")[0] for fault in faults(ferry)).startswith(
        "features/ship_recent.yaml:12:3: features.last_pier: give exactly one of any, none, count,"
    )

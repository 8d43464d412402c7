"""Every fault in a feature table says where it is, what was found and what to do; nothing else is reported with it."""
# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

from pathlib import Path

from tests.declarations.ferry import each_fault, edit, faults

CASES = [
    (
        "features/ship_recent.yaml",
        "publish_delay: 5m",
        "publish_delay: -5m",
        [
            "features/ship_recent.yaml:8:16: publish_delay must not be negative, found -5m. Give a span of time such as 10m, or 0s."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "windows: [7d], unit: min",
        "windows: [7], unit: min",
        [
            "features/ship_recent.yaml:11:45: features.mean_late.windows[0]: 7 is not a duration. Write a number and a unit (w, d, h, m, s), such as 30d."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "windows: [7d], unit: min",
        "windows: [[2h, 0h]], unit: min",
        [
            "features/ship_recent.yaml:11:45: features.mean_late.windows[0]: window ends at 0h, not after its start 2h. Write the earlier one first."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "windows: [7d], unit: min",
        "windows: [[2h]], unit: min",
        [
            "features/ship_recent.yaml:11:45: features.mean_late.windows[0]: ['2h'] is not a window. Write two offsets from the tick, such as [0h, 2h]."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "windows: [7d], unit: min",
        "windows: [], unit: min",
        [
            "features/ship_recent.yaml:11:3: features.mean_late: mean needs windows. Add them, such as windows: [1d, 7d]."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "mean: minutes_late,",
        "mean: minutes_late, max: minutes_late,",
        [
            "features/ship_recent.yaml:11:3: features.mean_late: give exactly one of any, none, count, derived, std, count_distinct, mode, median, quantile, min, max, last, first, as_of, time_since_last, ratio, sum, mean, share, found mean and max."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "mean: minutes_late,",
        "",
        [
            "features/ship_recent.yaml:11:3: features.mean_late: give exactly one of any, none, count, derived, std, count_distinct, mode, median, quantile, min, max, last, first, as_of, time_since_last, ratio, sum, mean, share, found none."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "mean: minutes_late,",
        "meen: minutes_late,",
        ["features/ship_recent.yaml:11:15: features.mean_late: the key meen is unknown. Did you mean mean?"],
    ),
    (
        "features/ship_recent.yaml",
        "mean: minutes_late,",
        "quantile: {of: minutes_late, level: 90},",
        ["features/ship_recent.yaml:11:51: features.mean_late.quantile.level must be at most 1, found 90."],
    ),
    (
        "features/ship_recent.yaml",
        "mean: minutes_late,",
        "quantile: {of: minute_late, level: 0.9},",
        [
            "features/ship_recent.yaml:11:30: features.mean_late.quantile.of: minute_late is not a column. Did you mean minutes_late?"
        ],
    ),
    (
        "features/ship_recent.yaml",
        "mean: minutes_late,",
        "ratio: {sum: minutes_late},",
        [
            "features/ship_recent.yaml:11:15: features.mean_late.ratio: the key over is missing. Add it, such as over: distance."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "count: true",
        "count: false",
        ["features/ship_recent.yaml:10:18: features.trips.count must be true, found false."],
    ),
    (
        "features/ship_recent.yaml",
        "mean_late:",
        "Mean-Late:",
        [
            "features/ship_recent.yaml:11:3: features: 'Mean-Late' is not a name. Write a name of small letters, digits and _ that begins with a letter."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "entity: ship",
        "entity: boat",
        ["features/ship_recent.yaml:5:9: entity: there is no entity boat in project.yaml. Known: ship, trip."],
    ),
    (
        "features/ship_recent.yaml",
        "entity: ship",
        "entity: harbour",
        ["features/ship_recent.yaml:5:9: entity: there is no entity harbour in project.yaml. Known: ship, trip."],
    ),
    (
        "features/ship_recent.yaml",
        "source: arrivals",
        "source: arrival",
        ["features/ship_recent.yaml:6:9: source: there is no source arrival. Did you mean arrivals?"],
    ),
    (
        "features/ship_recent.yaml",
        "source: arrivals",
        "source: trips\nwhere: cars",
        [
            "features/ship_recent.yaml:7:8: where must give a bool, found an int. Write a comparison, such as x > 0.",
            "features/ship_recent.yaml:12:21: features.mean_late.mean: minutes_late is not a column. Known: cars, departs_at, open_deck, price, ship and 1 more.",
            "features/ship_recent.yaml:13:21: features.last_pier.last: pier is not a column. Known: cars, departs_at, open_deck, price, ship and 1 more.",
        ],
    ),
    (
        "features/ship_recent.yaml",
        "source: arrivals",
        "source: ship_recent",
        [
            "features/ship_recent.yaml:6:9: source: features/ship_recent -> features/ship_recent is a cycle: none of these can be made before the others. Remove one reference."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "mean: minutes_late",
        "mean: minutes_lat",
        [
            "features/ship_recent.yaml:11:21: features.mean_late.mean: minutes_lat is not a column. Did you mean minutes_late?"
        ],
    ),
    (
        "features/ship_recent.yaml",
        "mean: minutes_late",
        "mean: pier",
        [
            "features/ship_recent.yaml:11:21: features.mean_late.mean must give a bool, a float or an int, found a string. Average a number, or take last or count."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "mean: minutes_late",
        "std: logged_at - arrived_at",
        [
            "features/ship_recent.yaml:11:20: features.mean_late.std must give a bool, a float or an int, found a duration. Take the deviation of a number."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "mean: minutes_late",
        "max: pier",
        [
            "features/ship_recent.yaml:11:20: features.mean_late.max must give a bool, a float, an int or a timestamp, found a string. Take the greatest of numbers or timestamps, or take last."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "mean: minutes_late",
        "share: minutes_late",
        [
            "features/ship_recent.yaml:11:22: features.mean_late.share must give a bool, found a float. Write a condition, such as x > 0."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "mean: minutes_late",
        "sum: minutes_late +",
        [
            "features/ship_recent.yaml:11:20: features.mean_late.sum: invalid syntax. Write columns, values, operators and functions only."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "{last: pier",
        "{last: logged_at - arrived_at",
        [
            "features/ship_recent.yaml:12:21: features.last_pier.last must give a bool, a float, an int, a string or a timestamp, found a duration. Make a number of it, with minutes(), hours() or days()."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "{last: pier",
        "{where: pier, last: pier",
        [
            "features/ship_recent.yaml:12:22: features.last_pier.where must give a bool, found a string. Write a comparison, such as x > 0."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "windows: [1d, 7d]",
        "windows: [1d, 24h]",
        [
            "features/ship_recent.yaml:10:38: features.trips.windows[1]: its column trips_1d exists already, from trips over 1d. Change the window or the name."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "  last_pier: {last: pier, windows: [ever]}",
        "  a: {last: pier, windows: [[0h, 2h]]}\n  a_next: {last: pier, windows: [2h]}",
        [
            "features/ship_recent.yaml:13:34: features.a_next.windows[0]: its column a_next_2h exists already, from a over next_2h. Change the window or the name."
        ],
    ),
    (
        "features/ship_recent.yaml",
        "last_pier: {last: pier, windows: [ever]}",
        "tack: {last: pier, windows: [ever]}\nexpectations: [{expect: column_values_to_be_unique, args: {column: tik}}]",
        [
            "features/ship_recent.yaml:13:16: expectations[0]: column_values_to_be_unique names the unknown column 'tik'. Did you mean tick?"
        ],
    ),
]


@each_fault(CASES)
def test_a_fault_names_the_place_the_value_and_the_remedy(
    ferry: Path, file: str, old: str, new: str, expected: list[str]
) -> None:
    edit(ferry, file, old, new)
    assert faults(ferry) == expected

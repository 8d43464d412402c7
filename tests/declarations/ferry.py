"""A small literal project for tests of declarations: a ferry company. It has no data."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_platform.core.errors import DeclarationError
from ml_platform.declarations.load.load import load_project

PROJECT = """\
spec_version: 1
name: ferry
description: Ferries that sometimes arrive late.
owner: team:harbour
currency: NOK
clock: {simulated_from: 2024-06-01T00:00:00Z}
entities:
  trip: [trip_id]
  ship: [ship]
"""

TRIPS = """\
spec_version: 1
name: trips
description: Planned trips.
owner: team:harbour
reader: {csv: data/trips.csv}
key: [trip_id]
event_timestamp: departs_at
known_at: {delay: -2d}
columns:
  trip_id: string
  ship: string
  departs_at: timestamp
  cars: int
  price: float
  open_deck: bool
"""

ARRIVALS = """\
spec_version: 1
name: arrivals
description: Arrivals, known when the ship has moored.
owner: team:harbour
reader: {csv: data/arrivals.csv}
key: [trip_id]
event_timestamp: arrived_at
known_at: {column: logged_at}
columns:
  trip_id: string
  ship: string
  arrived_at: timestamp
  logged_at: timestamp
  minutes_late: float
  pier: string
expectations:
  - {expect: column_values_to_not_be_null, args: {column: ship}}
"""

SHIP_RECENT = """\
spec_version: 1
name: ship_recent
description: How late a ship has been lately.
owner: team:harbour
entity: ship
source: arrivals
refresh: 1h
publish_delay: 5m
features:
  trips: {count: true, windows: [1d, 7d]}
  mean_late: {mean: minutes_late, windows: [7d], unit: min}
  last_pier: {last: pier, windows: [ever]}
"""

LATE = """\
spec_version: 1
name: late
description: Will this trip be late?
owner: team:harbour
task: binary
population: {source: trips, entity: trip, prediction_time: departs_at - 2h}
label: {source: arrivals, expression: minutes_late >= 15, horizon: 1d}
features: [ship_recent.*, trips.cars]
split: {train: 60d, validate: 7d, test: 14d}
algorithm: {name: lightgbm, params: {num_leaves: 7}}
baselines:
  - {name: rule, expression: ship_recent.mean_late_7d > 10}
  - logistic_regression
value:
  actions:
    warn: -3 + label * 20
    wait: 0
  do_nothing: wait
gates: {auc: ">= 0.6"}
deployment: {batch: "0 * * * * Europe/Oslo"}
monitoring: {window: 7d}
"""

DELAY = """\
spec_version: 1
name: delay
description: How late will this trip be?
owner: fleet@ferry.example
task: regression
population: {source: trips, entity: trip, prediction_time: departs_at - 2h}
label: {source: arrivals, expression: minutes_late, horizon: 1d}
features: [ship_recent.mean_late_7d, trips.price]
split: {train: 60d, validate: 7d, test: 14d}
algorithm: ridge
value:
  payoff: -abs(label - prediction) * cars
  do_nothing: 0
deployment: {batch: "0 * * * * UTC"}
monitoring: {window: 7d}
"""

FILES = {
    "project.yaml": PROJECT,
    "sources/trips.yaml": TRIPS,
    "sources/arrivals.yaml": ARRIVALS,
    "features/ship_recent.yaml": SHIP_RECENT,
    "models/late.yaml": LATE,
    "models/delay.yaml": DELAY,
}


def write_ferry(directory: Path) -> Path:
    """Write the ferry's declarations into `directory` and return it."""
    for name, text in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def edit(directory: Path, file: str, old: str, new: str) -> None:
    """Replace text that is in a declaration exactly once."""
    path = directory / file
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
    path.write_text(text.replace(old, new))


def each_fault(cases: list[tuple[str, str, str, list[str]]]) -> pytest.MarkDecorator:
    """Run a test for each edit: its file, what it replaces, by what, and the faults that are expected."""
    return pytest.mark.parametrize(
        ("file", "old", "new", "expected"), cases, ids=[case[2].replace("\n", " ") for case in cases]
    )


def faults(directory: Path, **environ: str) -> list[str]:
    """Return every fault of a project as its author reads it."""
    with pytest.raises(DeclarationError) as caught:
        load_project(directory, environ)
    return [str(fault) for fault in caught.value.faults]

"""A small world for tests: a shop whose parcels are sometimes late, as a project of CSV files.

Orders are the population; deliveries are the truth. Couriers differ, Mondays are busy,
and a parcel's lateness follows its courier's recent lateness, so that there is
something to learn. Everything is drawn from one seed. Fits take one thread: where
processes share cores, threads wait for each other.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 3, 1, tzinfo=UTC)

PROJECT = """\
spec_version: 1
name: shop
description: A shop that sends parcels.
owner: team:shop
currency: EUR
clock: {simulated_from: 2024-03-01T00:00:00Z}
threads: 1
entities:
  order: [order_id]
  courier: [courier]
"""

ORDERS = """\
spec_version: 1
name: orders
description: Every order, known when it is placed.
owner: team:shop
reader: {csv: data/orders.csv}
key: [order_id]
event_timestamp: placed_at
known_at: {delay: 0s}
columns:
  order_id: {type: string, required: true}
  courier: string
  placed_at: {type: timestamp, required: true}
  amount: {type: float, unit: EUR}
  items: int
expectations:
  - {expect: column_values_to_not_be_null, args: {column: courier}}
  - {expect: column_values_to_be_between, args: {column: amount, min_value: 0, max_value: 10000}}
"""

DELIVERIES = """\
spec_version: 1
name: deliveries
description: Every delivered parcel, known when it has been handed over.
owner: team:shop
reader: {csv: data/deliveries.csv}
key: [order_id]
event_timestamp: delivered_at
known_at: {delay: 10m}
columns:
  order_id: {type: string, required: true}
  courier: string
  delivered_at: {type: timestamp, required: true}
  minutes_late: {type: float, unit: min}
"""

COURIER = """\
spec_version: 1
name: courier_recent
description: How late a courier has been lately.
owner: team:shop
entity: courier
source: deliveries
refresh: 1h
publish_delay: 5m
features:
  parcels: {count: true, windows: [1d, 7d]}
  mean_late: {mean: minutes_late, windows: [1d, 7d], unit: min}
  late_share: {share: minutes_late >= 30, windows: [7d]}
  last_late: {last: minutes_late, windows: [7d], unit: min}
"""

LATE_PARCEL = """\
spec_version: 1
name: late_parcel
description: Will this parcel be 30 minutes late or more? Asked within the hour after the order is placed.
owner: team:shop
task: binary
population: {source: orders, entity: order, prediction_time: placed_at + 1h}
label: {source: deliveries, expression: minutes_late >= 30, horizon: 2d}
features: [courier_recent.*, orders.amount, orders.items]
split: {train: 28d, validate: 7d, test: 14d}
algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}
baselines:
  - {name: rule, expression: courier_recent.mean_late_7d > 20}
  - logistic_regression
value:
  actions:
    upgrade: -4 + label * 9
    wait: 0
  do_nothing: wait
gates: {auc: ">= 0.55"}
deployment: {batch: "0 * * * * UTC"}
monitoring: {window: 3d, min_rows: 50}
retraining: {schedule: "0 3 * * 1 UTC", on: [drift], cooldown: 2d}
"""

LATENESS = """\
spec_version: 1
name: lateness
description: How many minutes late will this parcel be? Asked within the hour after the order is placed.
owner: team:shop
task: regression
population: {source: orders, entity: order, prediction_time: placed_at + 1h}
label: {source: deliveries, expression: minutes_late, horizon: 2d}
features: [courier_recent.mean_late_7d, courier_recent.last_late_7d, orders.items]
split: {train: 28d, validate: 7d, test: 14d}
algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}
baselines: [ridge]
value:
  payoff: -0.05 * max(label - prediction, 0) - 0.02 * max(prediction - label, 0)
  do_nothing: "0"
deployment: {batch: "0 * * * * UTC"}
monitoring: {window: 3d, min_rows: 50}
"""

FILES = {
    "project.yaml": PROJECT,
    "sources/orders.yaml": ORDERS,
    "sources/deliveries.yaml": DELIVERIES,
    "features/courier_recent.yaml": COURIER,
    "models/late_parcel.yaml": LATE_PARCEL,
    "models/lateness.yaml": LATENESS,
}


def write_shop(directory: Path, *, days: int = 75, orders_a_day: int = 40, seed: int = 7) -> Path:
    """Write the shop's declarations and data into `directory` and return it."""
    for name, text in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    write_shop_data(directory, days=days, orders_a_day=orders_a_day, seed=seed)
    return directory


def write_shop_data(
    directory: Path, *, days: int = 75, orders_a_day: int = 40, seed: int = 7, late_from_day: int | None = None
) -> None:
    """Write the shop's CSV files; from `late_from_day` on, amounts treble and every courier is an hour later."""
    draw = np.random.default_rng(seed)
    couriers = [f"courier_{letter}" for letter in "abcdefgh"]
    habit = draw.normal(12, 14, len(couriers))
    orders, deliveries = [], []
    for number in range(days * orders_a_day):
        day = number // orders_a_day
        placed = START + timedelta(days=day, minutes=float(draw.integers(0, 24 * 60)))
        courier = int(draw.integers(len(couriers)))
        items, amount = int(draw.integers(1, 9)), round(float(draw.gamma(3, 20)), 2)
        wave = 15 * np.sin(day / 6 + courier)
        awkward = items >= 4 and amount < 60  # two columns together: trees see it, a linear score does not
        late = habit[courier] + wave + 30 * awkward + 10 * (placed.weekday() == 0) + draw.normal(0, 15)
        if late_from_day is not None and day >= late_from_day:
            late, amount = late + 60, round(amount * 3, 2)
        delivered = placed + timedelta(hours=5, minutes=round(float(late)))
        identity = f"o{number:06d}"
        orders.append([identity, couriers[courier], _text(placed), amount, items])
        if draw.random() > 0.02:
            deliveries.append([identity, couriers[courier], _text(delivered), round(float(late), 1)])
    _write(directory / "data/orders.csv", ["order_id", "courier", "placed_at", "amount", "items"], orders)
    _write(directory / "data/deliveries.csv", ["order_id", "courier", "delivered_at", "minutes_late"], deliveries)


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])

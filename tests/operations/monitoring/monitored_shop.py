"""The shop of the tests of monitoring: what is monitored, when, and what came of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from ml_platform.operations.monitoring.monitor import monitor_model
from ml_platform.operations.predictions.score import score_batch
from ml_platform.storage.materialization import Materialized
from tests.operations.monitoring.hand_made_world import HandMadeWorld

MODEL = "late_parcel"
DEPLOYED = datetime(2024, 1, 2, tzinfo=UTC)
NOW = datetime(2024, 1, 20, tzinfo=UTC)

INPUTS = {"sources/deliveries": "deliveries1", f"{MODEL}/predictions": "log1", f"{MODEL}/snapshot": "snapshot1"}


def score_until(world: HandMadeWorld, now: datetime, orders: str = "orders1") -> None:
    inputs = {"sources/orders": orders, "features/courier_recent": "table1"}
    for day in range(15, now.day + 1):
        score_batch(world.project, MODEL, inputs, date(2024, 1, day), now)


def monitor(world: HandMadeWorld, now: datetime = NOW) -> Materialized:
    score_until(world, now)
    return monitor_model(world.project, MODEL, INPUTS, now)


def about(made: Materialized) -> dict[str, Any]:
    return dict(made.artifact.about)

"""One day of the hand-made shop, scored."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd

from ml_platform.operations.predictions.score import Scored, score_batch
from ml_platform.storage.prediction_log import read_predictions
from tests.models.rows import shop_rows
from tests.operations.monitoring.hand_made_world import HandMadeWorld

DAY = date(2024, 1, 10)
START = datetime(2024, 1, 10, tzinfo=UTC)
END = START + timedelta(days=1)
MODEL = "late_parcel"
INPUTS = {"sources/orders": "orders1", "features/courier_recent": "table1", f"{MODEL}/deployment": "deployed1"}


def appointed(world: HandMadeWorld, at: datetime, seed: int = 1) -> int:
    """Put a version in charge; return its number."""
    trained = world.train(MODEL, shop_rows(300, seed=seed), f"snapshot{seed}")
    return world.appoint(MODEL, trained, at).number


def score(world: HandMadeWorld, now: datetime, day: date = DAY, orders: str = "orders1") -> Scored:
    return score_batch(world.project, MODEL, {**INPUTS, "sources/orders": orders}, day, now)


def log_of(world: HandMadeWorld) -> pd.DataFrame:
    return read_predictions(world.project, MODEL, START - timedelta(days=9), END + timedelta(days=9))


def rows_of_day(world: HandMadeWorld, start: datetime = START, end: datetime = END) -> pd.DataFrame:
    rows = world.rows
    return rows[(rows["effective_time"] >= start) & (rows["effective_time"] < end)]

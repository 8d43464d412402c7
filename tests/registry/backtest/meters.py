"""A world of meters whose readings follow an input with a weight that may drift: decay that is known exactly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from ml_platform.core.clock import EPOCH
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source

START, NOW = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
HORIZON = timedelta(days=2)

FILES = {
    "project.yaml": """\
spec_version: 1
name: meters
description: Meters whose readings follow an input.
owner: team:meters
currency: EUR
clock: {simulated_from: 2024-06-01T00:00:00Z}
threads: 1
entities: {request: [request_id]}
""",
    "sources/requests.yaml": """\
spec_version: 1
name: requests
description: What is asked, with its inputs.
owner: team:meters
reader: {csv: data/requests.csv}
key: [request_id]
event_timestamp: asked_at
known_at: {delay: 0s}
columns:
  request_id: {type: string, required: true}
  asked_at: {type: timestamp, required: true}
  x: float
  noise: float
""",
    "sources/readings.yaml": """\
spec_version: 1
name: readings
description: The readings.
owner: team:meters
reader: {csv: data/readings.csv}
key: [request_id]
event_timestamp: read_at
known_at: {column: known_at}
columns:
  request_id: {type: string, required: true}
  read_at: {type: timestamp, required: true}
  known_at: {type: timestamp, required: true}
  reading: float
""",
    "models/reading.yaml": """\
spec_version: 1
name: reading
description: Which reading follows?
owner: team:meters
task: regression
population: {source: requests, entity: request, prediction_time: asked_at + 1h}
label: {source: readings, expression: reading, horizon: 2d}
features: [requests.x, requests.noise]
split: {train: 84d, validate: 7d, test: 28d}
algorithm: linear_regression
value:
  payoff: 20 - (label - prediction) * (label - prediction)
  do_nothing: "0"
deployment: {batch: "0 * * * * UTC"}
""",
}


def write_meters(
    folder: Path, weight: Callable[[np.ndarray], np.ndarray], *, a_day: int = 60, seed: int = 3
) -> tuple[Path, pd.DataFrame]:
    """Write the world, and return its folder and every row.

    Parameters
    ----------
    weight
        The weight of the input by the days since `START`.
    """
    draw = np.random.default_rng(seed)
    days = (NOW - START).days
    at = np.sort(draw.uniform(0, days, days * a_day))
    rows = pd.DataFrame({"request_id": [f"r{place}" for place in range(len(at))]})
    rows["asked_at"] = [(START + timedelta(seconds=int(day * 86_400))).isoformat() for day in at]
    rows["x"], rows["noise"] = draw.normal(size=(2, len(at)))
    rows["reading"] = weight(at) * rows["x"] + draw.normal(size=len(at))
    asked = pd.to_datetime(rows["asked_at"])
    rows["read_at"] = [time.isoformat() for time in asked + timedelta(hours=1)]
    rows["known_at"] = [time.isoformat() for time in asked + timedelta(hours=6)]
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "data").mkdir()
    write_rows(folder, rows)
    return folder, rows


def write_rows(folder: Path, rows: pd.DataFrame) -> None:
    """Write the data of a world."""
    rows[["request_id", "asked_at", "x", "noise"]].to_csv(folder / "data/requests.csv", index=False)
    rows[["request_id", "read_at", "known_at", "reading"]].to_csv(folder / "data/readings.csv", index=False)


def with_snapshot(folder: Path) -> tuple[Project, str]:
    """Return the project and its snapshot as of now."""
    project = open_project(folder)
    ids = {f"sources/{name}": ingest_source(project, name, NOW).made.artifact.id for name in ("requests", "readings")}
    return project, build_snapshot(project, "reading", ids, NOW).artifact.id


def days_since_start(times: pd.Series) -> np.ndarray:
    """Return the days from `START` to the batch run that answers: the last full hour before the row is an hour old."""
    seconds = (pd.to_datetime(times) - pd.Timestamp(EPOCH)).dt.total_seconds().to_numpy()
    return np.floor(seconds / 3_600 + 1) / 24 - (START - EPOCH) / timedelta(days=1)

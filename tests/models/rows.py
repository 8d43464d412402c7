"""Hand-made rows of the shop's models, in the form of a model frame, so that fitting is tested without snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.declarations.load.load import load_project
from ml_platform.project import Project
from tests.worlds import FILES

COURIERS = ("ada", "bo", "cy", "di")
SEGMENTS = """\
spec_version: 1
name: lane
description: Which lane will this parcel take?
owner: team:shop
task: multiclass
population: {source: orders, entity: order, prediction_time: placed_at}
label: {source: deliveries, expression: courier, horizon: 2d}
features: [courier_recent.*, orders.courier, orders.items]
split: {train: 28d, validate: 7d, test: 14d}
algorithm: {name: lightgbm, params: {num_iterations: 20, num_leaves: 7}}
value:
  actions: {fast: "where(label == 'ada', 5, -1)", wait: "0"}
  do_nothing: wait
deployment: {batch: "0 * * * * UTC"}
monitoring: {window: 3d}
"""


def write_project(directory: Path, **changes: str) -> Path:
    """Write the shop's declarations without data; `changes` are whole files by name, with / as __ and without .yaml."""
    files = {**FILES, "models/lane.yaml": SEGMENTS}
    for name, text in changes.items():
        files[name.replace("__", "/") + ("" if name.endswith(".py") else ".yaml")] = text
    for name, text in files.items():
        path = directory / name.replace("_py.yaml", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (directory / "data").mkdir(exist_ok=True)
    (directory / "data/orders.csv").write_text("order_id,courier,placed_at,amount,items\n")
    (directory / "data/deliveries.csv").write_text("order_id,courier,delivered_at,minutes_late\n")
    return directory


def shop_project(directory: Path, **changes: str) -> Project:
    """Return an opened project of the shop's declarations."""
    return Project(load_project(write_project(directory, **changes)))


def shop_rows(count: int = 600, *, seed: int = 0, label: str = "late", days: int = 30) -> pd.DataFrame:
    """Return model-frame rows of the shop: features with nulls, the orders' own columns, a label to be learnt."""
    draw = np.random.default_rng(seed)
    minute = np.sort(draw.integers(0, days * 1440, count))
    placed = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(minute, "min")
    courier = draw.integers(0, len(COURIERS), count)
    items = draw.integers(1, 9, count)
    recent = courier * 12.0 + draw.normal(0, 6, count)
    minutes = recent + 3 * items + draw.normal(0, 12, count)
    recent[draw.random(count) < 0.1] = np.nan
    frame = pd.DataFrame(
        {
            "order_id": [f"o{number:05d}" for number in range(count)],
            "prediction_time": placed.astype("datetime64[us, UTC]"),
            "effective_time": placed.astype("datetime64[us, UTC]"),
            "orders.order_id": [f"o{number:05d}" for number in range(count)],
            "orders.courier": np.array(COURIERS, dtype=object)[courier],
            "orders.placed_at": placed.astype("datetime64[us, UTC]"),
            "orders.amount": np.round(draw.gamma(3, 20, count), 2),
            "orders.items": items,
            "courier_recent.parcels_1d": draw.integers(0, 20, count),
            "courier_recent.parcels_7d": draw.integers(0, 90, count),
            "courier_recent.mean_late_1d": recent + draw.normal(0, 5, count),
            "courier_recent.mean_late_7d": recent,
            "courier_recent.late_share_7d": draw.random(count),
            "courier_recent.last_late_7d": recent + draw.normal(0, 20, count),
        }
    )
    lanes = np.array(COURIERS[:3], dtype=object)[np.minimum(courier, 2)]
    frame["label"] = {"late": minutes >= 30, "minutes": np.round(minutes, 1), "lane": lanes}[label]
    return frame


@dataclass(frozen=True)
class HandMadeSnapshot:
    """A snapshot whose stretches were made by hand."""

    parts: Mapping[str, pd.DataFrame]

    def part(self, name: str) -> pd.DataFrame:
        """Return one stretch."""
        return self.parts[name]


def snapshot(*, label: str = "late", seed: int = 0, count: int = 600) -> Any:
    """Return train, validate and test rows, drawn alike."""
    names = ("train", "validate", "test")
    return HandMadeSnapshot(
        {name: shop_rows(count, seed=seed + index, label=label) for index, name in enumerate(names)}
    )


def keep_snapshots(patch: pytest.MonkeyPatch, snapshots: Mapping[str, HandMadeSnapshot]) -> None:
    """Let training and evaluation find hand-made snapshots by their ids."""
    for module in ("ml_platform.models.train", "ml_platform.registry.evaluation.evaluate"):
        patch.setattr(f"{module}.load_snapshot", lambda _, id, *parts: snapshots[id])
    patch.setattr("ml_platform.models.train.require_no_leaks", lambda *_: None)  # they have no sources

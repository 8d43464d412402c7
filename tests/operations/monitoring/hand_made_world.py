"""Hand-made rows in place of snapshots and frames, so that versions are put in charge without a feature engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from ml_platform.datasets.model_frame import QuestionRows
from ml_platform.models.train import train_model
from ml_platform.project import Project
from ml_platform.registry.champion import champion_ref
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.refs import move_ref, read_ref
from ml_platform.storage.versions import Version, register_version
from tests.models.rows import shop_rows


@dataclass(frozen=True)
class HandMadeSnapshot:
    """Rows that stand for a snapshot: the first 60 % train, then 20 % validate and 20 % test."""

    frame: pd.DataFrame

    def part(self, name: str) -> pd.DataFrame:
        """Return one stretch."""
        ends = {"train": (0.0, 0.6), "validate": (0.6, 0.8), "test": (0.8, 1.0)}[name]
        first, last = (int(len(self.frame) * end) for end in ends)
        return self.frame.iloc[first:last]


@dataclass
class HandMadeWorld:
    """A project whose frames and labels are given by hand.

    Attributes
    ----------
    rows
        What production would ask for; `ask` is what scoring is given instead of `model_frame`.
    labels
        The truth by ``order_id``.
    asked
        The intervals that scoring asked for.
    """

    project: Project
    rows: pd.DataFrame
    labels: Mapping[str, Any]
    asked: list[tuple[datetime, datetime]]

    def ask(
        self,
        project: Project,
        model_name: str,
        inputs: Mapping[str, str],
        start: datetime,
        end: datetime,
        now: datetime,
    ) -> QuestionRows:
        """Return the rows whose batch run is in ``(start, end]``."""
        self.asked.append((start, end))
        inside = (self.rows["effective_time"] > start) & (self.rows["effective_time"] <= end)
        rows = self.rows[inside].drop(columns="label").reset_index(drop=True)
        rows = rows.assign(late=rows.get("late", False))
        nothing = pd.DataFrame({"effective_time": rows["effective_time"].iloc[:0], "reason": [], "rows": []})
        return QuestionRows(rows, nothing)

    def labels_of(
        self, project: Project, model_name: str, source_id: str, rows: pd.DataFrame, as_of: datetime
    ) -> pd.DataFrame:
        """Return the truth of rows."""
        label = rows["order_id"].map(self.labels)
        return pd.DataFrame({"label": label, "label_state": label.notna().map({True: "known", False: "missing"})})

    def train(self, model_name: str, rows: pd.DataFrame, snapshot_id: str) -> Artifact:
        """Train a model on hand-made rows under the id of a snapshot."""
        SNAPSHOTS[snapshot_id] = rows
        return train_model(self.project, model_name, snapshot_id).artifact

    def appoint(self, model_name: str, trained: Artifact, at: datetime, currency: str = "EUR") -> Version:
        """Make a trained model the champion from an instant on."""
        return appoint(self.project, model_name, trained, at, currency)


def appoint(project: Project, model_name: str, trained: Artifact, at: datetime, currency: str = "EUR") -> Version:
    """Make a trained model the champion from an instant on, without asking whether it deserves it."""
    version = register_version(project, model_name, trained, at)
    name = champion_ref(model_name)
    move_ref(
        project.database,
        name,
        expected=read_ref(project.database, name),
        to=trained.id,
        at=at,
        actor="test",
        action="deploy",
        reason="a test says so",
        facts={"figures": {}, "currency": currency},
    )
    return version


SNAPSHOTS: dict[str, pd.DataFrame] = {}


def hand_made_world(project: Project, monkeypatch: pytest.MonkeyPatch, **rows: Any) -> HandMadeWorld:
    """Return the shop with hand-made rows in place of frames, labels and snapshots."""
    frame = shop_rows(**rows)
    world = HandMadeWorld(project, frame, dict(zip(frame["order_id"], frame["label"], strict=True)), [])
    for module in ("ml_platform.models.train", "ml_platform.operations.monitoring.reference"):
        monkeypatch.setattr(f"{module}.load_snapshot", lambda project, id: HandMadeSnapshot(SNAPSHOTS[id]))
    monkeypatch.setattr("ml_platform.models.train.require_no_leaks", lambda *_: None)  # they have no sources
    monkeypatch.setattr("ml_platform.operations.predictions.score.asked_frame", world.ask)
    monkeypatch.setattr("ml_platform.operations.monitoring.settled_predictions.labels_of", world.labels_of)
    return world

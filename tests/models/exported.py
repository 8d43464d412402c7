"""Trained models of the hand-made shop, exported into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ml_platform.models.export.exported import Export, export_model
from ml_platform.models.predictor import Predictor, load_predictor
from ml_platform.models.train import train_model
from ml_platform.project import Project
from tests.models.rows import HandMadeSnapshot, keep_snapshots, shop_project, shop_rows, snapshot

LABELS = {"late_parcel": "late", "lateness": "minutes", "lane": "lane"}


class Whole(HandMadeSnapshot):
    """A hand-made snapshot whose frame is all of its parts."""

    @property
    def frame(self) -> pd.DataFrame:
        return pd.concat(self.parts.values(), ignore_index=True)


def made(folder: Path, monkeypatch: pytest.MonkeyPatch, model: str, **declared: str) -> tuple[Project, Any, Predictor]:
    """Return a project, a trained model and its predictor."""
    kept = {model: Whole(snapshot(label=LABELS[model]).parts)}
    keep_snapshots(monkeypatch, kept)
    monkeypatch.setattr("ml_platform.models.export.parity_rows.load_snapshot", lambda _, id: kept[id])
    project = shop_project(folder / "shop", **declared)
    artifact = train_model(project, model, model).artifact
    return project, artifact, load_predictor(project, artifact)


def exported(folder: Path, made_model: Any, format: str, *without: str) -> tuple[Export, Path]:
    project, artifact, _ = made_model
    target = folder / "out"
    return export_model(project, artifact, "parcel@1", format, target, without), target


def rows_of(predictor: Predictor, count: int = 500) -> pd.DataFrame:
    """Return rows that training did not see, with texts that it did not see either."""
    rows = shop_rows(count, seed=77)
    rows.loc[::7, "orders.courier"] = "zed"
    return rows

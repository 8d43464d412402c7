"""What people do with a factory: whatever a fault did to it, each gives what it gave before, or refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pandas as pd

from ml_platform.core.errors import PlatformError
from ml_platform.datasets.model_frame import model_frame
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import train_model
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion
from ml_platform.storage.prediction_log import read_predictions
from ml_platform.storage.versions import versions
from tests.audit.verify.factory import DAY, MODEL, NOON, inputs_of

REFUSED = "refused"
_START, _END = datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 3, tzinfo=UTC)


def _rows_of(project: Project, id: str) -> Any:
    return _frame(load_snapshot(project, id).frame)


class Uses:
    """Asks a factory, and asks it again after a fault."""

    def __init__(self, whole: Project) -> None:
        self._versions = versions(whole, MODEL)
        self._inputs = inputs_of(whole)
        self._rows = load_snapshot(whole, self._versions[0].snapshot).frame.head(50)
        self._before = {name: use(whole) for name, use in self._all().items()}

    def wrong(self, root: Any, *, training: bool) -> list[str]:
        """Return what a damaged factory gives that it did not give before; an error that nobody meant is one."""
        rows = []
        for name, use in self._all().items():
            if training or name not in _COSTLY:
                rows += [] if self._outcome(use, root) in (REFUSED, self._before[name]) else [name]
        return rows

    def _outcome(self, use: Callable[[Project], Any], root: Any) -> Any:
        project = open_project(root)
        try:
            return use(project)
        except PlatformError:
            return REFUSED
        finally:
            project.database.engine.dispose()

    def _all(self) -> dict[str, Callable[[Project], Any]]:
        snapshots = [version.snapshot for version in self._versions]
        return {
            "champion": lambda project: champion(project, MODEL),
            "champion of the past": lambda project: champion(project, MODEL, NOON + DAY / 2),
            "predictions": lambda project: _frame(read_predictions(project, MODEL, _START, _END)),
            "scores": lambda project: [self._scores(project, version.id) for version in self._versions],
            "champion's scores": self._champions_scores,
            **{f"snapshot {id}": partial(_rows_of, id=id) for id in snapshots},
            "frame": lambda project: _frame(
                model_frame(project, MODEL, self._inputs, NOON, NOON + DAY, NOON + 2 * DAY)
            ),
            "build": lambda project: build_snapshot(project, MODEL, self._inputs, NOON + DAY).artifact.id,
            "train": lambda project: [train_model(project, MODEL, id).artifact.id for id in snapshots],
        }

    def _champions_scores(self, project: Project) -> str:
        current = champion(project, MODEL)
        return self._scores(project, current.id if current else "")

    def _scores(self, project: Project, id: str) -> str:
        return _frame(load_predictor(project, project.store.get("trained_model", id)).predict(self._rows))


_COSTLY = ("frame", "build", "train")


def _frame(frame: pd.DataFrame) -> str:
    return frame.to_csv(float_format="%r")

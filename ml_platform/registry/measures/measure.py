"""What a measure is given, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.models.inputs.columns import read_columns
from ml_platform.models.predictor import Predictor
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest

if TYPE_CHECKING:
    from ml_platform.project import Project


@dataclass(frozen=True)
class Candidate:
    """A version that is about to be deployed.

    Attributes
    ----------
    predictor
        The one that would answer.
    snapshot
        Whose test rows it is measured on.
    now
        The instant of the deployment, by the project's clock.
    """

    project: Project
    model: str
    trained: TrainedModelManifest
    predictor: Predictor
    snapshot: str
    now: datetime

    def test_rows(self, count: int) -> pd.DataFrame:
        """Return test rows, spread evenly, as the predictor reads them."""
        test = load_snapshot(self.project, self.snapshot, ("test",)).part("test")
        places = np.unique(np.linspace(0, len(test) - 1, count).astype(int))
        return read_columns(test.iloc[places].reset_index(drop=True), self.predictor.inputs)


@dataclass(frozen=True)
class Measured:
    """A figure, and what a person should know of it; a figure of None is not known, and no gate holds."""

    figure: float | None
    note: str | None = None


Measure = Callable[[Candidate], Measured]

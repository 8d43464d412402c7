"""What a format of another tool is: what it cannot hold of a model's answers, how it is written, and how it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.core.errors import listed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ml_platform.models.inputs.matrix import MatrixColumn
    from ml_platform.models.predictor import Predictor

ACTIONS, NULLS = "actions", "nulls"
OPTIONAL = (ACTIONS, NULLS)
"""What a person may leave out on purpose; without anything else the scores would be others."""


@dataclass(frozen=True)
class Loss:
    """Something of a model's answers that a format cannot hold.

    Attributes
    ----------
    name
        ``actions`` and ``nulls`` may be left out on purpose; other losses refuse the export.
    text
        What is lost, as a clause.
    """

    name: str
    text: str


class ExportFormat(ABC):
    """A format of another tool.

    Attributes
    ----------
    name, summary
        The format as ``--format`` takes it, and what it is, in a sentence.
    tolerance
        How far an exported score may be from the model's: a share of it, and for scores below 1 an amount.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    tolerance: ClassVar[float] = 0.0

    @abstractmethod
    def losses(self, predictor: Predictor) -> Iterator[Loss]:
        """Yield what the format cannot hold of this model's answers."""

    @abstractmethod
    def write(self, predictor: Predictor, folder: Path) -> None:
        """Write the model's files into an empty folder.

        Raises
        ------
        ExportRefused
            Where the library of the format is not installed, or refuses the model.
        """

    @abstractmethod
    def answers(self, predictor: Predictor, folder: Path, rows: pd.DataFrame) -> np.ndarray:
        """Return the scores that the written files give, as the format's own library reads them.

        Parameters
        ----------
        rows
            Rows in the form of `read_columns`.
        """


def losses_of_trees(predictor: Predictor, kind: str) -> Iterator[Loss]:
    """Yield what a file that holds nothing but the trees of one library lacks."""
    if predictor.estimator.kind != kind:
        yield Loss("estimator", f"the estimator is {predictor.estimator.kind}, and the format holds {kind}")
    if predictor.transforms:
        names = listed([transform.reference for transform in predictor.transforms])
        yield Loss("transforms", f"the project's functions {names} make columns")
    if predictor.calibration.curves:
        yield Loss("calibration", f"scores go through {predictor.calibration.title}")
    filled = [column.name for column in predictor.matrix if column.fill is not None]
    if filled:
        yield Loss(NULLS, f"a null counts as the median of training in {listed(filled)}")
    if predictor.decision.actions:
        yield Loss(ACTIONS, f"the recommended action ({listed(predictor.decision.actions)}) and its expected payoff")


def described(columns: tuple[MatrixColumn, ...]) -> list[dict[str, Any]]:
    """Return the columns that a file of trees reads, in order, as ``export.json`` lists them."""
    return [
        {"name": column.name, "categories": None if column.categories is None else list(column.categories)}
        for column in columns
    ]

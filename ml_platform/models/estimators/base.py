"""What every estimator is given to fit, and what every fitted estimator can do.

An algorithm's file is imported to check a declaration, and so is this one: neither imports NumPy or pandas at its top.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ml_platform.declarations.algorithms import AlgorithmKind
from ml_platform.declarations.model import Task
from ml_platform.models.bundled_code import Code

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ml_platform.models.inputs.matrix import Matrix
    from ml_platform.models.inputs.row import Row, RowColumns


@dataclass(frozen=True)
class FitRequest:
    """Everything that decides a fit.

    Attributes
    ----------
    algorithm
        The resolved name: ``lightgbm``, ``rule``, ``constant``, a scikit-learn class, or ``module:Class``.
    label, validate_label
        Regression: the numbers. Classification: the index of the class, as float64.
    validate
        The rows of the validate period; in a refit none, as no rows are left that the fit does not learn from.
    classes
        The label's values in order; empty for a regression.
    source
        The population's source, whose columns a rule may name without a dot.
    code
        The project's own code, for an estimator class of its own.
    """

    task: Task
    algorithm: str
    params: Mapping[str, Any]
    matrix: Matrix
    label: np.ndarray
    validate: Matrix
    validate_label: np.ndarray
    classes: tuple[Any, ...] = ()
    quantile: float | None = None
    expression: str | None = None
    monotone: Mapping[str, str] | None = None
    seed: int = 0
    threads: int = 1
    source: str = ""
    code: Code | None = None

    @property
    def probed(self) -> Matrix:
        """Rows on which a fitted estimator of the project's own is tried out; nothing is learned from them here."""
        return self.validate if self.validate.rows else self.matrix


@dataclass(frozen=True)
class SavedEstimator:
    """A fitted estimator at rest: plain facts for the manifest, and files by name."""

    facts: Mapping[str, Any]
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class RawContributions:
    """The raw scores of rows in parts, one table for each class, or one alone.

    Attributes
    ----------
    method
        ``trees``, ``linear``, ``rule`` or ``constant``.
    note
        What a person has to know to read them.
    seen
        What the estimator saw: one row per row, one column for each that has a part.
    amounts
        By class: one row per row, one column per column of `seen`.
    base, raw
        By class: one number per row. Base and amounts add up to raw where the parts are exact.
    exact
        Whether they do.
    linked
        Whether a link (sigmoid, softmax) or a calibration makes the score of the raw score.
    """

    method: str
    note: str
    seen: pd.DataFrame
    amounts: Sequence[np.ndarray]
    base: Sequence[np.ndarray]
    raw: Sequence[np.ndarray]
    exact: bool = True
    linked: bool = True


class Estimator(AlgorithmKind):
    """A fitted estimator; its class is the algorithm.

    ``predict`` gives one number per row (probability of the second class, or the prediction), or for several
    classes one column per class. The same row gives the same bits alone and among others.
    """

    kind: ClassVar[str]
    """Which class reads it when it is loaded: the name, unless the class sets another."""
    notes: tuple[str, ...] = ()
    """What the library warned of while it fitted."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if not hasattr(cls, "kind") and hasattr(cls, "name"):
            cls.kind = cls.name

    @classmethod
    @abstractmethod
    def fit(cls, fitting: FitRequest) -> Self:
        """Return the fitted estimator; the same bits for the same `fitting` and libraries.

        Raises
        ------
        TrainingError
            Where these rows cannot be fitted with these parameters.
        """

    @classmethod
    @abstractmethod
    def load(cls, bundle: SavedEstimator, code: Code | None) -> Estimator:
        """Return the estimator of a bundle, whose bytes were checked against their hash; nothing is unpickled."""

    @abstractmethod
    def predict(self, matrix: Matrix) -> np.ndarray:
        """Return the scores of every row."""

    def row_function(self, columns: RowColumns) -> Callable[[Row], float | tuple[float, ...]]:
        """Return what gives the score of one row, with the bits of `predict`: a number, or one for each class.

        Unless an algorithm defines its own, the row goes through `predict`. What is returned is used by one thread.

        Parameters
        ----------
        columns
            The columns that every row will have.
        """
        return lambda row: one_score(self.predict(row))

    @abstractmethod
    def state(self) -> Any:
        """Return the canonical form of the fitted state, which is what identifies it; JSON types only."""

    @abstractmethod
    def save(self) -> SavedEstimator:
        """Return the estimator at rest."""

    @property
    def iterations(self) -> int | None:
        """How many rounds of boosting it keeps; None where there are none."""
        return None

    def predict_after(self, matrix: Matrix, rounds: int) -> np.ndarray | None:
        """Return the scores of every row after so many rounds of boosting; None where there are none."""
        return None

    def importances(self, names: list[str]) -> dict[str, float]:
        """Return how much each of the matrix columns counts, as shares; empty where that has no meaning."""
        return {}

    def contributions(self, matrix: Matrix) -> RawContributions | None:
        """Return the raw score of each row in parts; None where the platform has to leave columns out instead."""
        return None


def one_score(scores: np.ndarray) -> float | tuple[float, ...]:
    """Return the score of the only row."""
    return float(scores[0]) if scores.ndim == 1 else tuple(scores[0].tolist())


def shares(names: list[str], weights: np.ndarray) -> dict[str, float]:
    """Return `weights` by name as shares of their sum, the largest first."""
    total = float(weights.sum())
    if total <= 0:
        return {}
    order = sorted(range(len(names)), key=lambda index: (-weights[index], names[index]))
    return {names[index]: float(weights[index] / total) for index in order}


def score_columns(scores: Any) -> np.ndarray:
    """Return scores with one column per class, also where there is one alone."""
    import numpy as np

    columns = np.asarray(scores, dtype="float64")
    return columns[:, None] if columns.ndim == 1 else columns

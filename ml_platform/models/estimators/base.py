"""What every estimator is given to fit, and what every fitted estimator can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from ml_platform.declarations.model import Task
from ml_platform.models.bundled_code import Code
from ml_platform.models.inputs.matrix import Matrix


@dataclass(frozen=True)
class Fitting:
    """Everything that decides a fit.

    Attributes
    ----------
    algorithm
        The resolved name: ``lightgbm``, ``rule``, ``constant``, a scikit-learn class, or ``module:Class``.
    label, validate_label
        Regression: the numbers. Classification: the index of the class, as float64.
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


@dataclass(frozen=True)
class Bundle:
    """A fitted estimator at rest: plain facts for the manifest, and files by name."""

    facts: Mapping[str, Any]
    files: Mapping[str, bytes]


class Estimator(Protocol):
    """A fitted estimator.

    ``predict`` gives one number per row (probability of the second class, or the prediction), or for several
    classes one column per class. The same row gives the same bits alone and among others.
    """

    kind: ClassVar[str]
    """Which loader reads it."""

    def predict(self, matrix: Matrix) -> np.ndarray:
        """Return the scores of every row."""
        ...

    def state(self) -> Any:
        """Return the normal form of the fitted state, which is what identifies it; JSON types only."""
        ...

    def save(self) -> Bundle:
        """Return the estimator at rest."""
        ...

    def importances(self, names: list[str]) -> dict[str, float]:
        """Return how much each of the matrix columns counts, as shares; empty where that has no meaning."""
        ...


def shares(names: list[str], weights: np.ndarray) -> dict[str, float]:
    """Return `weights` by name as shares of their sum, the largest first."""
    total = float(weights.sum())
    if total <= 0:
        return {}
    order = sorted(range(len(names)), key=lambda index: (-weights[index], names[index]))
    return {names[index]: float(weights[index] / total) for index in order}

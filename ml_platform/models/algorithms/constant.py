"""The same score for every row: the classes' shares, the mean, or the quantile of the label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.declarations.algorithms import EVERY_TASK
from ml_platform.declarations.model import Task
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import Estimator, FitRequest, RawContributions, SavedEstimator, score_columns

if TYPE_CHECKING:
    import numpy as np

    from ml_platform.models.inputs.matrix import Matrix
    from ml_platform.models.inputs.row import Row, RowColumns


@dataclass(frozen=True)
class Constant(Estimator):
    """A score that knows the label's distribution and nothing else."""

    score: tuple[float, ...]
    name: ClassVar[str] = "constant"
    tasks: ClassVar[frozenset[Task]] = EVERY_TASK
    reads_matrix: ClassVar[bool] = False

    @classmethod
    def fit(cls, fitting: FitRequest) -> Constant:
        """Return the training label's share of each class, mean, or quantile."""
        import numpy as np

        if fitting.task == "multiclass":
            counts = np.bincount(fitting.label.astype(int), minlength=len(fitting.classes))
            return cls(tuple((counts / counts.sum()).tolist()))
        if fitting.quantile is not None:
            return cls((float(np.quantile(fitting.label, fitting.quantile)),))
        return cls((float(fitting.label.mean()),))

    @classmethod
    def load(cls, bundle: SavedEstimator, code: Code | None = None) -> Constant:
        """Return the constant of a bundle."""
        return cls(tuple(bundle.facts["score"]))

    def predict(self, matrix: Matrix) -> np.ndarray:
        """Return the constant for every row."""
        import numpy as np

        scores = np.tile(np.array(self.score), (matrix.rows, 1))
        return scores[:, 0] if len(self.score) == 1 else scores

    def row_function(self, columns: RowColumns) -> Callable[[Row], float | tuple[float, ...]]:
        """Return what gives the constant."""
        score = self.score[0] if len(self.score) == 1 else self.score
        return lambda row: score

    def state(self) -> Any:
        """Return the score."""
        return {"score": list(self.score)}

    def save(self) -> SavedEstimator:
        """Return the score as a fact."""
        return SavedEstimator({"score": list(self.score)}, {})

    def contributions(self, matrix: Matrix) -> RawContributions:
        """Return the score as base: no column counts."""
        import numpy as np

        scores = list(score_columns(self.predict(matrix)).T)
        return RawContributions(
            method="constant",
            note="The same score for every row: no column counts.",
            seen=matrix.frame[[]],
            amounts=[np.zeros((matrix.rows, 0)) for _ in scores],
            base=scores,
            raw=scores,
            linked=False,
        )

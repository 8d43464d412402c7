"""An expert's rule: an expression over the columns, used as it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.core.errors import TrainingError
from ml_platform.core.expressions import parse_expression
from ml_platform.declarations.model import Task
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import Estimator, FitRequest, RawContributions, SavedEstimator, score_columns

if TYPE_CHECKING:
    import numpy as np

    from ml_platform.models.inputs.matrix import Matrix
    from ml_platform.models.inputs.row import Row, RowColumns


@dataclass(frozen=True)
class Rule(Estimator):
    """A score that an expression gives.

    Attributes
    ----------
    source
        The population's source, whose columns the expression names without a dot.
    null_score
        The score where the expression is null: 0 for binary (the rule is not met), else the label's mean.
    """

    expression: str
    source: str
    null_score: float
    binary: bool
    name: ClassVar[str] = "rule"
    tasks: ClassVar[frozenset[Task]] = frozenset({"binary", "regression", "quantile"})
    reads_matrix: ClassVar[bool] = False
    takes_expression: ClassVar[bool] = True

    @classmethod
    def fit(cls, fitting: FitRequest) -> Rule:
        """Return the rule, having tried it on the training rows.

        Raises
        ------
        TrainingError
            For a binary label when the expression is neither a condition nor a number from 0 to 1.
        """
        if fitting.expression is None:
            raise TrainingError("a rule has no expression. Write algorithm: {name: rule, expression: ...}.")
        binary = fitting.task == "binary"
        rule = cls(fitting.expression, fitting.source, 0.0 if binary else float(fitting.label.mean()), binary)
        scores = rule._evaluate(fitting.matrix)
        if binary and ((scores < 0) | (scores > 1)).any():
            raise TrainingError(
                f"rule {rule.expression!r} gives {scores.min():g} to {scores.max():g}. For a binary label write a "
                "condition, or a score from 0 to 1."
            )
        return rule

    @classmethod
    def load(cls, bundle: SavedEstimator, code: Code | None = None) -> Rule:
        """Return the rule of a bundle."""
        return cls(**bundle.facts)

    def predict(self, matrix: Matrix) -> np.ndarray:
        """Return the expression's value on every row; for a binary label never below 0 or above 1."""
        import numpy as np

        scores = self._evaluate(matrix)
        return np.clip(scores, 0.0, 1.0) if self.binary else scores

    def _evaluate(self, matrix: Matrix) -> np.ndarray:
        import numpy as np

        expression = parse_expression(self.expression)
        columns = {name: matrix.frame[self._column(name)] for name in expression.names}
        evaluated = np.asarray(expression.evaluate(columns, matrix.rows))
        scores = np.array([np.nan if value is None else value for value in evaluated.tolist()], dtype="float64")
        return np.where(np.isnan(scores), self.null_score, scores)

    def row_function(self, columns: RowColumns) -> Callable[[Row], float | tuple[float, ...]]:
        """Return what gives the expression's value for one row."""
        expression = parse_expression(self.expression)
        function = expression.of_row({name: columns.value(self._column(name)) for name in expression.names})

        def score(row: Row) -> float:
            value = function.compute(row.cells)
            known = self.null_score if value is None else float(value)
            return min(max(known, 0.0), 1.0) if self.binary else known

        return score

    def _column(self, name: str) -> str:
        return name if "." in name else f"{self.source}.{name}"

    def state(self) -> Any:
        """Return the rule itself."""
        return dict(self.save().facts)

    def save(self) -> SavedEstimator:
        """Return the rule as facts."""
        facts = {
            "expression": self.expression,
            "source": self.source,
            "null_score": self.null_score,
            "binary": self.binary,
        }
        return SavedEstimator(facts, {})

    def contributions(self, matrix: Matrix) -> RawContributions:
        """Return the columns that the rule reads; none has a share of its own."""
        import numpy as np

        names = [self._column(name) for name in sorted(parse_expression(self.expression).names)]
        scores = list(score_columns(self.predict(matrix)).T)
        return RawContributions(
            method="rule",
            note=f"An expert's rule: {self.expression}. No column has a contribution of its own.",
            seen=matrix.frame[names],
            amounts=[np.zeros((matrix.rows, len(names)))],
            base=scores,
            raw=scores,
            exact=False,
            linked=False,
        )

"""Estimators of scikit-learn, kept by skops with the platform's own list of trusted types.

Each class that a declaration may name is a class in a file of `ml_platform.models.algorithms`; this is what they share.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.core.errors import TrainingError, UntrustedContent
from ml_platform.declarations.algorithms import algorithms
from ml_platform.declarations.model import Task
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import (
    Estimator,
    FitRequest,
    RawContributions,
    SavedEstimator,
    one_score,
    shares,
)

if TYPE_CHECKING:
    import numpy as np

    from ml_platform.models.inputs.matrix import Matrix
    from ml_platform.models.inputs.preprocessing import Dense
    from ml_platform.models.inputs.row import Row, RowColumns

_FILE = "estimator.skops"


@dataclass(frozen=True)
class ScikitLearn(Estimator):
    """A fitted estimator of scikit-learn, and the way to what it sees.

    Attributes
    ----------
    module
        The module of scikit-learn that has the class of this name.
    defaults
        Parameters that differ from scikit-learn's own where none is declared.
    trusted
        Types that a stored estimator may hold beside skops' plain ones.
    keeps_nulls
        Whether it reads nulls of numbers; else the median replaces them.
    has_threads
        Whether it fits in several threads.
    notes
        What scikit-learn warned of while fitting, such as that it did not converge.
    """

    dense: Dense
    estimator: Any
    notes: tuple[str, ...] = ()
    kind: ClassVar[str] = "scikit_learn"
    module: ClassVar[str]
    defaults: ClassVar[Mapping[str, Any]] = {}
    trusted: ClassVar[tuple[str, ...]] = ()
    keeps_nulls: ClassVar[bool] = False
    has_threads: ClassVar[bool] = False

    @classmethod
    def for_quantile(cls, quantile: float) -> Mapping[str, Any]:
        """Return the parameters that make a quantile the prediction."""
        return {}

    @classmethod
    def set_by_task(cls, task: Task) -> Mapping[str, str]:
        """Return what follows from the key quantile."""
        return dict.fromkeys(cls.for_quantile(0.5), "the key quantile") if task == "quantile" else {}

    @classmethod
    def settings(cls, fitting: FitRequest) -> dict[str, Any]:
        """Return the parameters of a fit."""
        of_quantile = {} if fitting.quantile is None else cls.for_quantile(fitting.quantile)
        threads = {"n_jobs": fitting.threads} if cls.has_threads else {}
        return {**cls.defaults, **fitting.params, **of_quantile, **threads}

    @classmethod
    def fit(cls, fitting: FitRequest) -> ScikitLearn:
        """Fit scikit-learn's class; one thread for linear algebra, so that sums come in one order.

        Raises
        ------
        TrainingError
            Where scikit-learn refuses the parameters or the rows.
        """
        from threadpoolctl import threadpool_limits

        from ml_platform.models.inputs.preprocessing import Dense

        dense = Dense.learn(fitting.matrix, keep_nulls=cls.keeps_nulls)
        estimator = cls._unfitted(fitting)
        try:
            with (
                threadpool_limits(limits={"blas": 1, "openmp": fitting.threads}),
                warnings.catch_warnings(record=True) as caught,
            ):
                warnings.simplefilter("always")
                estimator.fit(dense.apply(fitting.matrix), fitting.label)
        except Exception as error:
            raise TrainingError(f"{cls.name} cannot fit these rows: {error}") from error
        if "n_jobs" in estimator.get_params():
            estimator.set_params(n_jobs=None)
        notes = sorted({str(warning.message).partition("\n")[0] for warning in caught})
        return cls(dense, estimator, tuple(notes))

    @classmethod
    def _unfitted(cls, fitting: FitRequest) -> Any:
        made = cls.library_class()()
        params = cls.settings(fitting)
        if "random_state" in made.get_params():
            params["random_state"] = fitting.seed
        try:
            return made.set_params(**params)
        except ValueError as error:
            raise TrainingError(f"{cls.name} does not take {dict(fitting.params)}: {error}") from None

    @classmethod
    def library_class(cls) -> Any:
        """Return scikit-learn's class of this name."""
        return getattr(importlib.import_module(cls.module), cls.name)

    @classmethod
    def load(cls, bundle: SavedEstimator, code: Code | None = None) -> ScikitLearn:
        """Return the estimator of a bundle.

        Raises
        ------
        UntrustedContent
            Where the file holds a type that is not on the platform's list for this class.
        """
        from skops.io import loads
        from skops.io.exceptions import UntrustedTypesFoundException

        from ml_platform.models.inputs.preprocessing import Dense

        name = bundle.facts["class"]
        kind = algorithms().get(name)
        if kind is None or not issubclass(kind, ScikitLearn):
            raise UntrustedContent(f"{name} is not on the platform's list of estimators. It is not loaded.")
        try:
            estimator = loads(bundle.files[_FILE], trusted=list(kind.trusted))
        except UntrustedTypesFoundException as error:
            raise UntrustedContent(f"the stored {name} holds {str(error).splitlines()[0]} It is not loaded.") from None
        if type(estimator) is not kind.library_class():
            raise UntrustedContent(f"the stored {name} is a {type(estimator).__name__}. It is not used.")
        return kind(Dense.from_json(bundle.facts["dense"]), estimator)

    def predict(self, matrix: Matrix) -> np.ndarray:
        """Return the scores of every row."""
        return self.scores_of(self.dense.apply(matrix))

    def scores_of(self, dense: np.ndarray) -> np.ndarray:
        """Return the scores of rows as the estimator sees them."""
        import numpy as np

        if hasattr(self.estimator, "coef_"):
            return self._linear(dense)
        if not len(dense):
            return np.empty(0)
        if not hasattr(self.estimator, "predict_proba"):
            return np.asarray(self.estimator.predict(dense), dtype="float64")
        shares_of_classes = np.asarray(self.estimator.predict_proba(dense), dtype="float64")
        return shares_of_classes[:, 1] if shares_of_classes.shape[1] == 2 else shares_of_classes

    def _linear(self, dense: np.ndarray) -> np.ndarray:
        import numpy as np
        from scipy.special import expit, softmax

        from ml_platform.models.inputs.preprocessing import linear_score

        weights = np.atleast_2d(self.estimator.coef_)
        intercepts = np.atleast_1d(self.estimator.intercept_)
        if len(intercepts) != len(weights):
            intercepts = np.repeat(intercepts, len(weights))
        scores = np.column_stack(
            [linear_score(dense, row, start) for row, start in zip(weights, intercepts, strict=True)]
        )
        if not hasattr(self.estimator, "predict_proba"):
            return np.asarray(scores[:, 0])
        return np.asarray(expit(scores[:, 0]) if scores.shape[1] == 1 else softmax(scores, axis=1))

    def row_function(self, columns: RowColumns) -> Callable[[Row], float | tuple[float, ...]]:
        """Return what adds up the terms of one row, or asks scikit-learn for an array of one row."""
        import numpy as np
        from scipy.special import expit

        if not hasattr(self.estimator, "coef_") or len(np.atleast_2d(self.estimator.coef_)) > 1:
            return lambda row: one_score(self.scores_of(np.array([self.dense.apply_one(row.numbers)])))
        weights = np.atleast_2d(self.estimator.coef_)[0].tolist()
        start = float(np.atleast_1d(self.estimator.intercept_)[0])
        of_classes = hasattr(self.estimator, "predict_proba")

        def score(row: Row) -> float:
            total = start
            for value, weight in zip(self.dense.apply_one(row.numbers), weights, strict=True):
                total += value * weight
            return float(expit(total)) if of_classes else total

        return score

    def state(self) -> Any:
        """Return the canonical form of the estimator and of the way to what it sees."""
        from ml_platform.models.estimators.canonical_state import normal_form

        return {"class": self.name, "dense": self.dense.to_json(), "estimator": normal_form(self.estimator)}

    def save(self) -> SavedEstimator:
        """Return the estimator as a skops file."""
        from skops.io import dumps

        return SavedEstimator({"class": self.name, "dense": self.dense.to_json()}, {_FILE: dumps(self.estimator)})

    def importances(self, names: list[str]) -> dict[str, float]:
        """Return each column's share: of the gain for trees, of the absolute weights for linear estimators."""
        import numpy as np

        weights = getattr(self.estimator, "feature_importances_", None)
        if weights is None and hasattr(self.estimator, "coef_"):
            weights = np.abs(np.atleast_2d(self.estimator.coef_)).sum(axis=0)
        if weights is None:
            return {}
        return shares(names, self.dense.by_source(np.asarray(weights), len(names)))

    def contributions(self, matrix: Matrix) -> RawContributions | None:
        """Return the terms of linear scores, summed up for the column that each was made from."""
        if not hasattr(self.estimator, "coef_"):
            return None
        import numpy as np

        dense, weights = self.dense.apply(matrix), np.atleast_2d(self.estimator.coef_)
        starts = np.broadcast_to(np.atleast_1d(self.estimator.intercept_), (len(weights),))
        amounts, raws = [], []
        for row, start in zip(weights, starts, strict=True):
            terms, total = dense * row, np.full(matrix.rows, float(start))
            by_source = np.zeros((matrix.rows, len(matrix.columns)))
            for index, column in enumerate(self.dense.columns):
                by_source[:, column.source] += terms[:, index]
                total = total + terms[:, index]  # in the order in which the estimator adds
            amounts.append(by_source)
            raws.append(total)
        return RawContributions(
            method="linear",
            note="The terms of the linear score: weight times value, after nulls are filled and values scaled.",
            seen=matrix.decoded(),
            amounts=amounts,
            base=[np.full(matrix.rows, float(start)) for start in starts],
            raw=raws,
        )

"""A plain scikit-learn estimator of the project, written ``module:Class``: ``fit(X, y)``, ``predict``, ``get_params``.

The name may be a class, or a function that makes an estimator, such as a pipeline. Its declared parameters are the
arguments. X is

- for a pipeline, for what holds a `ColumnTransformer`, and for a class that extends `BaseEstimator` alone: a frame with
  the features by name, floats (null is NaN) and strings (None for null and for a category that training did not see);
- for every other estimator of scikit-learn: numbers, as a declared ``LogisticRegression`` sees them. Nulls are filled
  with the median, numbers are scaled, and the 50 most frequent categories of a column are indicators.

y is the number, or for classes their index 0, 1, ...
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.core.errors import PredictionError, TrainingError, UntrustedContent
from ml_platform.declarations.user_code.load import PRIVATE_PACKAGE
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import Estimator, FitRequest, SavedEstimator, shares
from ml_platform.models.estimators.stored_scikit import read_stored, stored

if TYPE_CHECKING:
    import numpy as np

    from ml_platform.models.inputs.matrix import Matrix
    from ml_platform.models.inputs.preprocessing import Dense

_FILE = "estimator.skops"
_BLOCK = 256
_PROBED = 5


@dataclass(frozen=True)
class PlainClass(Estimator):
    """A fitted estimator that a project's class or function makes.

    Attributes
    ----------
    dense
        The way to the numbers that it sees; None where it sees the frame.
    block
        How many rows it predicts at once, always: products of matrices differ in the last bits with the number of
        rows. 256 where a row then has the same bits alone and among others, else 1.
    """

    reference: str
    classes: int
    dense: Dense | None
    block: int
    estimator: Any
    notes: tuple[str, ...] = ()
    kind: ClassVar[str] = "scikit_class"

    @classmethod
    def fit(cls, fitting: FitRequest) -> PlainClass:
        """Fit what the project's class or function makes, seeded, in one thread of linear algebra.

        Raises
        ------
        TrainingError
            Where it is no estimator, cannot be fitted, or holds what cannot be kept.
        """
        from ml_platform.models.inputs.preprocessing import Dense

        if fitting.code is None:
            raise TrainingError(f"{fitting.algorithm} needs the project's code.")
        made = _made(fitting, fitting.code.load(fitting.algorithm))
        dense = None if _reads_frame(made) else Dense.learn(fitting.matrix)
        fitted = cls(fitting.algorithm, len(fitting.classes), dense, _BLOCK, made)
        label = fitting.label.astype("int64") if fitting.classes else fitting.label
        try:
            with _one_thread(), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                made.fit(fitted._seen(fitting.matrix), label)
        except Exception as error:
            raise TrainingError(f"{fitting.algorithm}.fit failed with {type(error).__name__}: {error}") from error
        notes = sorted({str(warning.message).partition("\n")[0] for warning in caught})
        fitted = replace(fitted._kept(fitting.code), notes=tuple(notes))
        try:
            return replace(fitted, block=fitted._block_of(fitting.probed))
        except PredictionError as error:
            raise TrainingError(str(error)) from error

    def _kept(self, code: Code) -> PlainClass:
        """Return the estimator as it comes back from the store.

        Raises
        ------
        TrainingError
            Where it does not come back, or comes back with another state.
        """
        state, bundle = self.state(), self.save()
        try:
            reloaded = self.load(bundle, code)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            raise TrainingError(f"{self.reference} does not come back from its file: {problem}") from error
        if reloaded.state() != state:
            raise TrainingError(f"{self.reference} has another state after it was saved and loaded. Define get_state.")
        return reloaded

    def _block_of(self, matrix: Matrix) -> int:
        scores = self.predict(matrix)
        if (self.predict(matrix) != scores).any():
            raise PredictionError(f"{self.reference} gives the same rows other scores each time: it draws at random.")
        places = range(0, matrix.rows, -(-matrix.rows // _PROBED))
        alone = all((self.predict(_rows(matrix, [place]))[0] == scores[place]).all() for place in places)
        return self.block if alone else 1

    @classmethod
    def load(cls, bundle: SavedEstimator, code: Code | None) -> PlainClass:
        """Return the estimator of a bundle.

        Raises
        ------
        UntrustedContent
            Where the file holds a type that is neither scikit-learn's nor the project's.
        """
        from ml_platform.models.inputs.preprocessing import Dense

        facts = bundle.facts
        if code is None:
            raise UntrustedContent(f"{facts['reference']} needs the project's code.")
        package = PRIVATE_PACKAGE.match(getattr(code.load(facts["reference"]), "__module__", ""))
        estimator = read_stored(facts["reference"], bundle.files[_FILE], package.group() if package else None)
        dense = None if facts["dense"] is None else Dense.from_json(facts["dense"])
        return cls(facts["reference"], facts["classes"], dense, facts["block"], estimator)

    def predict(self, matrix: Matrix) -> np.ndarray:
        """Return the scores of every row.

        Raises
        ------
        PredictionError
            When the estimator fails, or gives anything but one number per row (and class).
        """
        import numpy as np

        width = self.classes if self.classes > 2 else 1
        if not matrix.rows:
            return np.empty((0, width)) if width > 1 else np.empty(0)
        batches = []
        with _one_thread():
            for start in range(0, matrix.rows, self.block):
                places = np.minimum(np.arange(start, start + self.block), matrix.rows - 1)  # the last row fills up
                batches.append(self._scores(_rows(matrix, places))[: matrix.rows - start])
        scores = np.concatenate(batches)
        return scores[:, 1] if self.classes == 2 else scores

    def _scores(self, matrix: Matrix) -> np.ndarray:
        import numpy as np

        method = "predict_proba" if self.classes else "predict"
        try:
            scores = np.asarray(getattr(self.estimator, method)(self._seen(matrix)), dtype="float64")
        except Exception as error:
            raise PredictionError(f"{self.reference}.{method} failed with {type(error).__name__}: {error}") from error
        expected = (matrix.rows, self.classes) if self.classes else (matrix.rows,)
        if scores.shape != expected:
            raise PredictionError(f"{self.reference}.{method} gave an array of shape {scores.shape}, not {expected}.")
        if not np.isfinite(scores).all():
            raise PredictionError(f"{self.reference}.{method} gave a score that is not a finite number.")
        return scores

    def _seen(self, matrix: Matrix) -> Any:
        return matrix.decoded().reset_index(drop=True) if self.dense is None else self.dense.apply(matrix)

    def state(self) -> Any:
        """Return the canonical form of the estimator and of the way to what it sees.

        Raises
        ------
        TrainingError
            Naming a type whose state cannot be read.
        """
        from ml_platform.models.estimators.canonical_state import normal_form

        try:
            estimator = normal_form(self.estimator)
        except (TypeError, RecursionError) as error:
            raise TrainingError(f"{self.reference}: {error}. Remove it, or write get_state and from_state.") from error
        return {**self._facts, "estimator": estimator}

    @property
    def _facts(self) -> dict[str, Any]:
        dense = None if self.dense is None else self.dense.to_json()
        return {"reference": self.reference, "classes": self.classes, "dense": dense, "block": self.block}

    def save(self) -> SavedEstimator:
        """Return the estimator as a skops file."""
        return SavedEstimator(self._facts, {_FILE: stored(self.reference, self.estimator)})

    def importances(self, names: list[str]) -> dict[str, float]:
        """Return each column's share of the gain, where the estimator has one and sees numbers."""
        import numpy as np

        weights = getattr(self.estimator, "feature_importances_", None)
        if weights is None or self.dense is None:
            return {}
        return shares(names, self.dense.by_source(np.asarray(weights), len(names)))


def _made(fitting: FitRequest, make: Callable[..., Any]) -> Any:
    """Return an unfitted estimator with its parameters and seeds.

    Raises
    ------
    TrainingError
        Saying what it lacks.
    """
    reference, needed = fitting.algorithm, "predict_proba" if fitting.classes else "predict"
    try:
        made = make(**fitting.params)
    except Exception as error:
        raise TrainingError(f"{reference} does not take {dict(fitting.params)}: {error}") from error
    for name in ("fit", needed, "get_params", "set_params"):
        if not callable(getattr(made, name, None)):
            raise TrainingError(
                f"{reference} has no {name}. An estimator of task {fitting.task} has fit, {needed}, get_params and "
                "set_params: extend sklearn.base.BaseEstimator."
            )
    _require_two_arguments(reference, made.fit)
    try:
        made.set_params(**_seeds(made.get_params(deep=True), fitting))
    except Exception as error:
        raise TrainingError(f"{reference}.set_params failed with {type(error).__name__}: {error}") from error
    return made


def _require_two_arguments(reference: str, fit: Callable[..., Any]) -> None:
    try:
        inspect.signature(fit).bind("X", "y")
    except TypeError as error:
        raise TrainingError(f"{reference}.fit cannot be called as fit(X, y): {error}.") from None


def _seeds(params: Mapping[str, Any], fitting: FitRequest) -> dict[str, Any]:
    """Return seeds for every random_state, also within; one process; and the declared quantile."""
    last = {name: name.rpartition("__")[2] for name in params}
    filled: dict[str, Any] = {name: fitting.seed for name in params if last[name] == "random_state"}
    filled |= {name: None for name in params if last[name] == "n_jobs"}
    if fitting.quantile is not None and "quantile" in params and "quantile" not in fitting.params:
        filled["quantile"] = fitting.quantile
    return filled


def _reads_frame(made: Any) -> bool:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    parts = [made, *made.get_params(deep=True).values()]
    if any(isinstance(part, Pipeline | ColumnTransformer) for part in parts):
        return True
    homes = {parent.__module__ for parent in type(made).__mro__}
    return not any(home.startswith("sklearn.") and home != "sklearn.base" and ".utils." not in home for home in homes)


def _rows(matrix: Matrix, places: Any) -> Matrix:
    from ml_platform.models.inputs.matrix import Matrix

    return Matrix(matrix.columns, matrix.values[places], matrix.frame.iloc[places])


@contextmanager
def _one_thread() -> Iterator[None]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield

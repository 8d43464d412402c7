"""Estimators of scikit-learn, from an allow-list, kept by skops with the platform's own list of trusted types."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ml_platform.core.errors import TrainingError, UntrustedContent
from ml_platform.declarations.algorithms import SCIKIT_LEARN
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import Bundle, Fitting, shares
from ml_platform.models.estimators.canonical_state import normal_form
from ml_platform.models.inputs.matrix import Matrix
from ml_platform.models.inputs.preprocessing import Dense, linear_score

_FILE = "estimator.skops"
_MODULES = ("sklearn.linear_model", "sklearn.ensemble", "sklearn.tree", "sklearn.dummy")
_TREE = "sklearn.tree._tree.Tree"
_HISTOGRAM_TREE = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
_FOREST_DEFAULTS = {"min_samples_leaf": 20}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "LogisticRegression": {"max_iter": 1000},
    "HistGradientBoostingClassifier": {"early_stopping": False},
    "HistGradientBoostingRegressor": {"early_stopping": False},
    "QuantileRegressor": {"alpha": 0.0},
    **{
        f"{kind}{what}": _FOREST_DEFAULTS
        for kind in ("RandomForest", "ExtraTrees")
        for what in ("Classifier", "Regressor")
    },
}
_QUANTILES = {
    "QuantileRegressor": lambda quantile: {"quantile": quantile},
    "HistGradientBoostingRegressor": lambda quantile: {"loss": "quantile", "quantile": quantile},
    "GradientBoostingRegressor": lambda quantile: {"loss": "quantile", "alpha": quantile},
    "DummyRegressor": lambda quantile: {"strategy": "quantile", "quantile": quantile},
}


@dataclass(frozen=True)
class Scikit:
    """A fitted estimator of scikit-learn, and the way to what it sees.

    Attributes
    ----------
    notes
        What scikit-learn warned of while fitting, such as that it did not converge.
    """

    name: str
    dense: Dense
    estimator: Any
    notes: tuple[str, ...] = ()
    kind: ClassVar[str] = "scikit_learn"

    @classmethod
    def fit(cls, fitting: Fitting) -> Scikit:
        """Fit an allow-listed class; one thread for linear algebra, so that sums come in one order.

        Raises
        ------
        TrainingError
            Where scikit-learn refuses the parameters or the rows.
        """
        from threadpoolctl import threadpool_limits

        dense = Dense.learn(fitting.matrix, keep_nulls=fitting.algorithm.startswith("HistGradientBoosting"))
        estimator = _estimator(fitting)
        try:
            with (
                threadpool_limits(limits={"blas": 1, "openmp": fitting.threads}),
                warnings.catch_warnings(record=True) as caught,
            ):
                warnings.simplefilter("always")
                estimator.fit(dense.apply(fitting.matrix), fitting.label)
        except Exception as error:
            raise TrainingError(f"{fitting.algorithm} cannot fit these rows: {error}") from error
        if "n_jobs" in estimator.get_params():
            estimator.set_params(n_jobs=None)
        notes = sorted({str(warning.message).partition("\n")[0] for warning in caught})
        return cls(fitting.algorithm, dense, estimator, tuple(notes))

    @classmethod
    def load(cls, bundle: Bundle, code: Code | None = None) -> Scikit:
        """Return the estimator of a bundle.

        Raises
        ------
        UntrustedContent
            Where the file holds a type that is not on the platform's list for this class.
        """
        from skops.io import loads
        from skops.io.exceptions import UntrustedTypesFoundException

        name = bundle.facts["class"]
        expected = _class(name)
        try:
            estimator = loads(bundle.files[_FILE], trusted=trusted_types(name))
        except UntrustedTypesFoundException as error:
            raise UntrustedContent(f"the stored {name} holds {str(error).splitlines()[0]} It is not loaded.") from None
        if type(estimator) is not expected:
            raise UntrustedContent(f"the stored {name} is a {type(estimator).__name__}. It is not used.")
        return cls(name, Dense.from_json(bundle.facts["dense"]), estimator)

    def predict(self, matrix: Matrix) -> np.ndarray:
        """Return the scores of every row."""
        dense = self.dense.apply(matrix)
        if hasattr(self.estimator, "coef_"):
            return self._linear(dense)
        if not matrix.rows:
            return np.empty(0)
        if not hasattr(self.estimator, "predict_proba"):
            return np.asarray(self.estimator.predict(dense), dtype="float64")
        shares_of_classes = np.asarray(self.estimator.predict_proba(dense), dtype="float64")
        return shares_of_classes[:, 1] if shares_of_classes.shape[1] == 2 else shares_of_classes

    def _linear(self, dense: np.ndarray) -> np.ndarray:
        from scipy.special import expit, softmax

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

    def state(self) -> Any:
        """Return the normal form of the estimator and of the way to what it sees."""
        return {"class": self.name, "dense": self.dense.to_json(), "estimator": normal_form(self.estimator)}

    def save(self) -> Bundle:
        """Return the estimator as a skops file."""
        from skops.io import dumps

        return Bundle({"class": self.name, "dense": self.dense.to_json()}, {_FILE: dumps(self.estimator)})

    def importances(self, names: list[str]) -> dict[str, float]:
        """Return each column's share: of the gain for trees, of the absolute weights for linear estimators."""
        weights = getattr(self.estimator, "feature_importances_", None)
        if weights is None and hasattr(self.estimator, "coef_"):
            weights = np.abs(np.atleast_2d(self.estimator.coef_)).sum(axis=0)
        if weights is None:
            return {}
        return shares(names, self.dense.by_source(np.asarray(weights), len(names)))


def trusted_types(name: str) -> list[str]:
    """Return the types that a stored estimator of this class may hold beside skops' plain ones."""
    if name.startswith("HistGradientBoosting"):
        return [_HISTOGRAM_TREE]
    if any(part in name for part in ("Forest", "Trees", "Tree", "GradientBoosting")):
        return [_TREE]
    return []


def _class(name: str) -> Any:
    if name not in SCIKIT_LEARN:
        raise UntrustedContent(f"{name} is not on the platform's list of estimators. It is not loaded.")
    modules = map(importlib.import_module, _MODULES)
    return next(getattr(module, name) for module in modules if hasattr(module, name))


def _estimator(fitting: Fitting) -> Any:
    made = _class(fitting.algorithm)()
    known = made.get_params()
    params = {**_DEFAULTS.get(fitting.algorithm, {}), **fitting.params}
    if fitting.quantile is not None:
        params |= _QUANTILES[fitting.algorithm](fitting.quantile)
    if params.get("strategy") in ("stratified", "uniform"):
        raise TrainingError(f"strategy {params['strategy']} draws at random: a row would get another score each time.")
    if "random_state" in known:
        params["random_state"] = fitting.seed
    if fitting.algorithm.startswith(("RandomForest", "ExtraTrees")):
        params["n_jobs"] = fitting.threads
    try:
        return made.set_params(**params)
    except ValueError as error:
        raise TrainingError(f"{fitting.algorithm} does not take {dict(fitting.params)}: {error}") from None

"""scikit-learn's gradient boosting, exact and over histograms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ml_platform.declarations.algorithms import CLASSES, NUMBERS, QUANTILE, ParamFault
from ml_platform.declarations.allowed_values import COUNT, FRACTION, NOT_NEGATIVE, POSITIVE
from ml_platform.declarations.model import Task
from ml_platform.models.algorithms.forests import TREES
from ml_platform.models.estimators.scikit_learn import ScikitLearn

if TYPE_CHECKING:
    import numpy as np

_BOOSTED = {
    **TREES,
    "criterion": "squared_error",
    "learning_rate": NOT_NEGATIVE,
    "n_estimators": COUNT,
    "n_iter_no_change": "int [1, inf) | null",
    "subsample": FRACTION,
    "tol": NOT_NEGATIVE,
    "validation_fraction": "number (0, 1)",
}
_HISTOGRAM = {
    "early_stopping": "bool | auto",
    "interaction_cst": "groups | pairwise no_interactions | null",
    "l2_regularization": NOT_NEGATIVE,
    "learning_rate": POSITIVE,
    "max_bins": "int [2, 255]",
    "max_depth": "int [1, inf) | null",
    "max_features": "fraction (0, 1]",
    "max_iter": COUNT,
    "max_leaf_nodes": "int [2, inf) | null",
    "min_samples_leaf": COUNT,
    "n_iter_no_change": COUNT,
    "tol": NOT_NEGATIVE,
    "validation_fraction": "int [1, inf) | fraction (0, 1) | null",
}
_OF_CLASSES = {
    "scoring": "loss accuracy balanced_accuracy average_precision f1 neg_brier_score neg_log_loss precision recall "
    "roc_auc roc_auc_ovr | null"
}
_OF_NUMBERS = {
    "scoring": "loss r2 explained_variance neg_max_error neg_mean_absolute_error neg_mean_absolute_percentage_error "
    "neg_mean_squared_error neg_median_absolute_error neg_root_mean_squared_error | null"
}
_WEIGHTS = {"class_weight": "balanced | null"}


class _Boosting(ScikitLearn):
    module: ClassVar[str] = "sklearn.ensemble"
    trusted: ClassVar[tuple[str, ...]] = ("sklearn.tree._tree.Tree",)


class _HistogramBoosting(ScikitLearn):
    module: ClassVar[str] = "sklearn.ensemble"
    defaults: ClassVar[Mapping[str, Any]] = {"early_stopping": False}
    trusted: ClassVar[tuple[str, ...]] = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
    keeps_nulls: ClassVar[bool] = True


class GradientBoostingClassifier(_Boosting):
    """Boosted trees for classes."""

    name: ClassVar[str] = "GradientBoostingClassifier"
    short_name: ClassVar[str | None] = "gradient_boosting"
    tasks: ClassVar[frozenset[Task]] = CLASSES
    params: ClassVar[Mapping[str, str]] = {**_BOOSTED, "loss": "log_loss exponential"}

    @classmethod
    def conflicts(cls, params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
        """Yield a loss of two classes where there are several."""
        if params.get("loss") == "exponential" and task == "multiclass":
            yield "loss", "exponential belongs to binary models. Take log_loss"


class GradientBoostingRegressor(_Boosting):
    """Boosted trees for numbers and quantiles."""

    name: ClassVar[str] = "GradientBoostingRegressor"
    short_name: ClassVar[str | None] = "gradient_boosting"
    tasks: ClassVar[frozenset[Task]] = NUMBERS | QUANTILE
    params: ClassVar[Mapping[str, str]] = {
        **_BOOSTED,
        "alpha": "number (0, 1)",
        "loss": "squared_error absolute_error huber quantile",
    }

    @classmethod
    def for_quantile(cls, quantile: float) -> Mapping[str, Any]:
        """Return the loss of a quantile."""
        return {"loss": "quantile", "alpha": quantile}


class HistGradientBoostingClassifier(_HistogramBoosting):
    """Boosted trees over histograms for classes."""

    name: ClassVar[str] = "HistGradientBoostingClassifier"
    short_name: ClassVar[str | None] = "hist_gradient_boosting"
    tasks: ClassVar[frozenset[Task]] = CLASSES
    params: ClassVar[Mapping[str, str]] = {**_HISTOGRAM, **_OF_CLASSES, "loss": "log_loss", **_WEIGHTS}

    def scores_of(self, dense: np.ndarray) -> np.ndarray:
        """Return the scores of rows; for several classes their shares are added up in a fixed order."""
        from ml_platform.models.inputs.preprocessing import softmax_in_order

        if not len(dense) or len(self.estimator.classes_) == 2:
            return super().scores_of(dense)
        return softmax_in_order(self.estimator.decision_function(dense))


class HistGradientBoostingRegressor(_HistogramBoosting):
    """Boosted trees over histograms for numbers and quantiles."""

    name: ClassVar[str] = "HistGradientBoostingRegressor"
    short_name: ClassVar[str | None] = "hist_gradient_boosting"
    tasks: ClassVar[frozenset[Task]] = NUMBERS | QUANTILE
    params: ClassVar[Mapping[str, str]] = {
        **_HISTOGRAM,
        **_OF_NUMBERS,
        "loss": "squared_error absolute_error gamma poisson quantile",
        "quantile": "number [0, 1] | null",
    }

    @classmethod
    def for_quantile(cls, quantile: float) -> Mapping[str, Any]:
        """Return the loss of a quantile."""
        return {"loss": "quantile", "quantile": quantile}

    @classmethod
    def conflicts(cls, params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
        """Yield the loss of a quantile without the quantile."""
        if task != "quantile" and params.get("loss") == "quantile" and params.get("quantile") is None:
            yield "loss", "quantile needs the parameter quantile. Give it"

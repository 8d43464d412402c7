"""scikit-learn's linear models: scores that add up term by term."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from ml_platform.declarations.algorithms import CLASSES, NUMBERS, QUANTILE, ParamFault
from ml_platform.declarations.allowed_values import NOT_NEGATIVE, POSITIVE, SHARE
from ml_platform.declarations.model import Task
from ml_platform.models.estimators.scikit_learn import ScikitLearn

_LINEAR = {
    "alpha": NOT_NEGATIVE,
    "fit_intercept": "bool",
    "max_iter": "int [1, inf) | null",
    "positive": "bool",
    "tol": NOT_NEGATIVE,
}
_WEIGHTS = {"class_weight": "balanced | null"}
_SELECTION = {"selection": "cyclic random"}


class LogisticRegression(ScikitLearn):
    """Logistic regression."""

    name: ClassVar[str] = "LogisticRegression"
    short_name: ClassVar[str | None] = "logistic_regression"
    tasks: ClassVar[frozenset[Task]] = CLASSES
    params: ClassVar[Mapping[str, str]] = {
        "C": POSITIVE,
        "fit_intercept": "bool",
        "l1_ratio": "number [0, 1] | null",
        "max_iter": "int [0, inf)",
        "solver": "lbfgs liblinear newton-cg newton-cholesky sag saga",
        "tol": NOT_NEGATIVE,
        **_WEIGHTS,
    }
    module: ClassVar[str] = "sklearn.linear_model"
    defaults: ClassVar[Mapping[str, Any]] = {"max_iter": 1000}

    @classmethod
    def conflicts(cls, params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
        """Yield penalties and tasks that a solver does not take."""
        solver, ratio = params.get("solver", "lbfgs"), params.get("l1_ratio") or 0
        kept = {"saga": "any", "liblinear": "0 or 1"}.get(solver, "0")
        if kept != "any" and ratio not in ((0, 1) if solver == "liblinear" else (0,)):
            yield "l1_ratio", f"must be {kept} for solver {solver}, found {ratio!r}. Change it, or take solver saga"
        if solver == "liblinear" and task == "multiclass":
            yield "solver", "liblinear belongs to binary models. Take lbfgs"


class LinearRegression(ScikitLearn):
    """Least squares."""

    name: ClassVar[str] = "LinearRegression"
    short_name: ClassVar[str | None] = "linear_regression"
    tasks: ClassVar[frozenset[Task]] = NUMBERS
    params: ClassVar[Mapping[str, str]] = {"fit_intercept": "bool", "positive": "bool", "tol": NOT_NEGATIVE}
    module: ClassVar[str] = "sklearn.linear_model"


class Ridge(ScikitLearn):
    """Least squares with squared weights as penalty."""

    name: ClassVar[str] = "Ridge"
    short_name: ClassVar[str | None] = "ridge"
    tasks: ClassVar[frozenset[Task]] = NUMBERS
    params: ClassVar[Mapping[str, str]] = {**_LINEAR, "solver": "auto svd cholesky lsqr sparse_cg sag saga lbfgs"}
    module: ClassVar[str] = "sklearn.linear_model"

    @classmethod
    def conflicts(cls, params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
        """Yield solvers that cannot do what is asked for."""
        solver, positive = params.get("solver", "auto"), params.get("positive", False)
        if positive and solver not in ("auto", "lbfgs"):
            yield "solver", f"{solver} does not keep weights positive. Take lbfgs, or remove positive"
        if solver == "lbfgs" and not positive:
            yield "solver", "lbfgs needs positive: true. Take another solver, or add it"


class Lasso(ScikitLearn):
    """Least squares with absolute weights as penalty."""

    name: ClassVar[str] = "Lasso"
    short_name: ClassVar[str | None] = "lasso"
    tasks: ClassVar[frozenset[Task]] = NUMBERS
    params: ClassVar[Mapping[str, str]] = {**_LINEAR, **_SELECTION}
    module: ClassVar[str] = "sklearn.linear_model"


class ElasticNet(ScikitLearn):
    """Least squares with both penalties."""

    name: ClassVar[str] = "ElasticNet"
    short_name: ClassVar[str | None] = "elastic_net"
    tasks: ClassVar[frozenset[Task]] = NUMBERS
    params: ClassVar[Mapping[str, str]] = {**_LINEAR, "l1_ratio": SHARE, **_SELECTION}
    module: ClassVar[str] = "sklearn.linear_model"


class QuantileRegressor(ScikitLearn):
    """A linear model of a quantile."""

    name: ClassVar[str] = "QuantileRegressor"
    short_name: ClassVar[str | None] = "quantile_regression"
    tasks: ClassVar[frozenset[Task]] = QUANTILE
    params: ClassVar[Mapping[str, str]] = {
        "alpha": NOT_NEGATIVE,
        "fit_intercept": "bool",
        "solver": "highs highs-ds highs-ipm interior-point",
    }
    module: ClassVar[str] = "sklearn.linear_model"
    defaults: ClassVar[Mapping[str, Any]] = {"alpha": 0.0}

    @classmethod
    def for_quantile(cls, quantile: float) -> Mapping[str, Any]:
        """Return the quantile."""
        return {"quantile": quantile}

"""scikit-learn's estimators that look at no column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from ml_platform.core.errors import TrainingError
from ml_platform.declarations.algorithms import CLASSES, NUMBERS, QUANTILE, ParamFault
from ml_platform.declarations.model import Task
from ml_platform.models.estimators.base import FitRequest
from ml_platform.models.estimators.scikit_learn import ScikitLearn


class _Dummy(ScikitLearn):
    module: ClassVar[str] = "sklearn.dummy"

    @classmethod
    def settings(cls, fitting: FitRequest) -> dict[str, Any]:
        params = super().settings(fitting)
        if params.get("strategy") in ("stratified", "uniform"):
            raise TrainingError(
                f"strategy {params['strategy']} draws at random: a row would get another score each time."
            )
        return params

    @classmethod
    def conflicts(cls, params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
        for strategy in ("constant", "quantile"):
            if params.get("strategy") == strategy and params.get(strategy) is None and task != "quantile":
                yield "strategy", f"{strategy} needs the parameter {strategy}. Give it"


class DummyClassifier(_Dummy):
    """The same score for every row of a model of classes."""

    name: ClassVar[str] = "DummyClassifier"
    tasks: ClassVar[frozenset[Task]] = CLASSES
    params: ClassVar[Mapping[str, str]] = {"constant": "int | text | null", "strategy": "most_frequent prior constant"}


class DummyRegressor(_Dummy):
    """The same number for every row."""

    name: ClassVar[str] = "DummyRegressor"
    tasks: ClassVar[frozenset[Task]] = NUMBERS | QUANTILE
    params: ClassVar[Mapping[str, str]] = {
        "constant": "number | null",
        "quantile": "number [0, 1] | null",
        "strategy": "mean median quantile constant",
    }

    @classmethod
    def for_quantile(cls, quantile: float) -> Mapping[str, Any]:
        """Return the strategy of a quantile."""
        return {"strategy": "quantile", "quantile": quantile}

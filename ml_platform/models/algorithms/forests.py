"""scikit-learn's trees and forests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from ml_platform.declarations.algorithms import CLASSES, NUMBERS, ParamFault
from ml_platform.declarations.allowed_values import COUNT, NOT_NEGATIVE
from ml_platform.declarations.model import Task
from ml_platform.models.estimators.scikit_learn import ScikitLearn

TREES: Mapping[str, str] = {
    "ccp_alpha": NOT_NEGATIVE,
    "max_depth": "int [1, inf) | null",
    "max_features": "int [1, inf) | fraction (0, 1] | sqrt log2 | null",
    "max_leaf_nodes": "int [2, inf) | null",
    "min_impurity_decrease": NOT_NEGATIVE,
    "min_samples_leaf": "int [1, inf) | fraction (0, 1)",
    "min_samples_split": "int [2, inf) | fraction (0, 1]",
    "min_weight_fraction_leaf": "number [0, 0.5]",
}
_FOREST = {
    **TREES,
    "bootstrap": "bool",
    "max_samples": "int [1, inf) | fraction (0, inf) | null",
    "n_estimators": COUNT,
}
_IMPURITY = {"criterion": "gini entropy log_loss"}
_ERROR = {"criterion": "squared_error absolute_error poisson"}
_FOREST_WEIGHTS = {"class_weight": "balanced balanced_subsample | null"}
_SPLITTER = {"splitter": "best random"}
_WEIGHTS = {"class_weight": "balanced | null"}
_TREE = ("sklearn.tree._tree.Tree",)


class _Forest(ScikitLearn):
    module: ClassVar[str] = "sklearn.ensemble"
    defaults: ClassVar[Mapping[str, Any]] = {"min_samples_leaf": 20}
    trusted: ClassVar[tuple[str, ...]] = _TREE
    has_threads: ClassVar[bool] = True
    bootstraps: ClassVar[bool]

    @classmethod
    def conflicts(cls, params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
        if params.get("max_samples") is not None and not params.get("bootstrap", cls.bootstraps):
            yield "max_samples", "needs bootstrap: true. Add it, or remove max_samples"


class RandomForestClassifier(_Forest):
    """A random forest for classes."""

    name: ClassVar[str] = "RandomForestClassifier"
    short_name: ClassVar[str | None] = "random_forest"
    tasks: ClassVar[frozenset[Task]] = CLASSES
    params: ClassVar[Mapping[str, str]] = {**_FOREST, **_IMPURITY, **_FOREST_WEIGHTS}
    bootstraps: ClassVar[bool] = True


class RandomForestRegressor(_Forest):
    """A random forest for numbers."""

    name: ClassVar[str] = "RandomForestRegressor"
    short_name: ClassVar[str | None] = "random_forest"
    tasks: ClassVar[frozenset[Task]] = NUMBERS
    params: ClassVar[Mapping[str, str]] = {**_FOREST, **_ERROR}
    bootstraps: ClassVar[bool] = True


class ExtraTreesClassifier(_Forest):
    """Extremely randomized trees for classes."""

    name: ClassVar[str] = "ExtraTreesClassifier"
    short_name: ClassVar[str | None] = "extra_trees"
    tasks: ClassVar[frozenset[Task]] = CLASSES
    params: ClassVar[Mapping[str, str]] = {**_FOREST, **_IMPURITY, **_FOREST_WEIGHTS}
    bootstraps: ClassVar[bool] = False


class ExtraTreesRegressor(_Forest):
    """Extremely randomized trees for numbers."""

    name: ClassVar[str] = "ExtraTreesRegressor"
    short_name: ClassVar[str | None] = "extra_trees"
    tasks: ClassVar[frozenset[Task]] = NUMBERS
    params: ClassVar[Mapping[str, str]] = {**_FOREST, **_ERROR}
    bootstraps: ClassVar[bool] = False


class DecisionTreeClassifier(ScikitLearn):
    """One tree for classes."""

    name: ClassVar[str] = "DecisionTreeClassifier"
    short_name: ClassVar[str | None] = "decision_tree"
    tasks: ClassVar[frozenset[Task]] = CLASSES
    params: ClassVar[Mapping[str, str]] = {**TREES, **_IMPURITY, **_SPLITTER, **_WEIGHTS}
    module: ClassVar[str] = "sklearn.tree"
    trusted: ClassVar[tuple[str, ...]] = _TREE


class DecisionTreeRegressor(ScikitLearn):
    """One tree for numbers."""

    name: ClassVar[str] = "DecisionTreeRegressor"
    short_name: ClassVar[str | None] = "decision_tree"
    tasks: ClassVar[frozenset[Task]] = NUMBERS
    params: ClassVar[Mapping[str, str]] = {**TREES, **_ERROR, **_SPLITTER}
    module: ClassVar[str] = "sklearn.tree"
    trusted: ClassVar[tuple[str, ...]] = _TREE

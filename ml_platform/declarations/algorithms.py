"""What a declaration may configure of an algorithm, and which algorithm it names.

Each algorithm is one class in one file, in `ml_platform.models.algorithms` or in an installed package: its names, tasks
and parameters, and how it fits and predicts. This module finds the class for a declaration. Those files import no
estimator library at their top, so that a declaration is checked without one.
"""

from __future__ import annotations

import re
from abc import ABC
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

from ml_platform.core.errors import suggest
from ml_platform.core.variants import find_variants
from ml_platform.declarations.calibrators import calibration_libraries
from ml_platform.declarations.model import Algorithm, ModelSpec, Task

GROUP = "ml_platform.algorithms"
"""The group of entry points by which an installed package adds algorithms."""
_PACKAGE = "ml_platform.models.algorithms"
"""The platform's own. Its name is kept here, as the class of an algorithm is in a room above this one (decision 29)."""
_PROJECT_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")

CLASSES: frozenset[Task] = frozenset({"binary", "multiclass"})
NUMBERS: frozenset[Task] = frozenset({"regression"})
QUANTILE: frozenset[Task] = frozenset({"quantile"})
EVERY_TASK = CLASSES | NUMBERS | QUANTILE

ParamFault = tuple[str, str]
"""The name of a parameter, and what is wrong with it."""


class AlgorithmKind(ABC):
    """What a declaration may configure of one algorithm.

    Attributes
    ----------
    name
        The name in YAML and in manifests.
    short_name
        Another name in YAML; algorithms of different tasks may share one.
    params
        What each parameter that a declaration may set can be: see `ml_platform.declarations.allowed_values`.
    other_names
        Names that the library has for a parameter too, with the one to write.
    monotone
        Whether `monotone` is kept.
    reads_matrix
        Whether it learns from the matrix of features.
    takes_expression
        Whether `expression` belongs to it.
    stopping_param
        The parameter with which the validate period decides when fitting ends.
    rounds_param
        The parameter that sets how many rounds are fitted: a refit takes as many as were kept before.
    libraries
        Distributions whose versions decide the fitted state, beside those that the platform always has.
    extra
        The extra of the platform that installs its library, where both have one name.
    """

    name: ClassVar[str]
    short_name: ClassVar[str | None] = None
    tasks: ClassVar[frozenset[Task]]
    params: ClassVar[Mapping[str, str]] = {}
    other_names: ClassVar[Mapping[str, str]] = {}
    monotone: ClassVar[bool] = False
    reads_matrix: ClassVar[bool] = True
    takes_expression: ClassVar[bool] = False
    stopping_param: ClassVar[str | None] = None
    rounds_param: ClassVar[str | None] = None
    libraries: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str | None] = None

    @classmethod
    def set_by_task(cls, task: Task) -> Mapping[str, str]:
        """Return parameters that follow from the task or from another key, with the name of what they follow from."""
        return {}

    @classmethod
    def conflicts(cls, params: Mapping[str, Any], task: Task) -> Iterator[ParamFault]:
        """Yield what is wrong where parameters meet that are right alone."""
        return iter(())

    @classmethod
    def monotone_fault(cls, params: Mapping[str, Any], task: Task) -> str | None:
        """Return why what is fitted cannot keep monotone columns, or None."""
        return None

    @classmethod
    def stops_early(cls, params: Mapping[str, Any]) -> bool:
        """Return whether the validate period decides when fitting ends."""
        return cls.stopping_param in params

    @classmethod
    def with_rounds(cls, params: Mapping[str, Any], rounds: int) -> dict[str, Any]:
        """Return the parameters of a fit of so many rounds, without early stopping."""
        assert cls.rounds_param is not None, "checked when the declaration was read"
        others = {name: value for name, value in params.items() if name != cls.stopping_param}
        return {**others, cls.rounds_param: rounds}


@cache
def algorithms() -> Mapping[str, type[AlgorithmKind]]:
    """Return every algorithm by its name: those of the platform first, then those of installed packages.

    Raises
    ------
    VariantFault
        Where an installed package adds one that cannot be used.

    >>> algorithms()["Ridge"].short_name
    'ridge'
    """
    package = import_module(_PACKAGE)
    return find_variants(package, package.Estimator, GROUP)


def is_project_class(name: str) -> bool:
    """Return whether `name` is a project's own estimator class, written ``module:Class``."""
    return _PROJECT_CLASS.fullmatch(name) is not None


def named_algorithms(name: str) -> list[type[AlgorithmKind]]:
    """Return the algorithms that a name may refer to: one, several of different tasks, or none."""
    if name in algorithms():
        return [algorithms()[name]]
    return [kind for kind in algorithms().values() if kind.short_name == name]


def algorithm_kind(name: str, task: Task) -> type[AlgorithmKind] | None:
    """Return the algorithm that a name refers to in a task; None for a project's class and an unknown name."""
    named = named_algorithms(name)
    return next((kind for kind in named if task in kind.tasks), named[0] if named else None)


def resolve_algorithm(name: str, task: Task) -> str:
    """Return the one name of an algorithm for a task: short names become scikit-learn's class names.

    >>> resolve_algorithm("random_forest", "regression")
    'RandomForestRegressor'
    """
    kind = algorithm_kind(name, task)
    return name if kind is None else kind.name


def libraries_of(model: ModelSpec) -> tuple[str, ...]:
    """Return the distributions that a model's fits depend on, beside those that the platform always has."""
    kinds = (algorithm_kind(item.name, model.task) for item in (model.algorithm, *model.baselines))
    libraries = {library for kind in kinds if kind is not None for library in kind.libraries}
    return tuple(sorted(libraries | calibration_libraries(model.calibration)))


def algorithm_faults(algorithm: Algorithm, task: Task) -> Iterator[str]:
    """Yield what is wrong with an algorithm's declaration for a task, each as one sentence with its remedy."""
    name, kind = algorithm.name, algorithm_kind(algorithm.name, task)
    if (kind is not None and kind.takes_expression) != (algorithm.expression is not None):
        owners = " and ".join(known for known, other in algorithms().items() if other.takes_expression)
        yield f"algorithm.expression belongs to {owners} and to nothing else, found name {name}"
    if algorithm.monotone and not (kind is not None and kind.monotone) and (kind is not None or is_project_class(name)):
        keepers = " or ".join(known for known, other in algorithms().items() if other.monotone)
        yield f"monotone is not kept by {name}. Remove it, or take {keepers}"
    if is_project_class(name):
        return
    if kind is None:
        yield f"algorithm {name!r} does not exist. {suggest(name, _names())}"
        return
    if task not in kind.tasks:
        fitting = sorted(
            {other.short_name or other.name for other in algorithms().values() if _fits(other, task)}, key=str.lower
        )
        yield f"algorithm {name} cannot do {task}. Take one of {', '.join(fitting)}"
    if kind.extra is not None and find_spec(kind.extra) is None:
        yield f"{kind.extra} is not installed. Install it with: pip install 'ml-platform[{kind.extra}]'"
    for param in sorted(set(algorithm.params) - set(kind.params)):
        yield _unknown_param(kind, name, param)


def _names() -> list[str]:
    return sorted({name for kind in algorithms().values() for name in (kind.name, kind.short_name) if name})


def _fits(kind: type[AlgorithmKind], task: Task) -> bool:
    return kind.reads_matrix and kind.extra is None and task in kind.tasks


def _unknown_param(kind: type[AlgorithmKind], algorithm: str, param: str) -> str:
    if param in kind.other_names:
        return f"{algorithm} has no parameter {param!r} here. Write it as {kind.other_names[param]}"
    if not kind.params:
        return f"{algorithm} takes no parameters, found {param!r}. Remove it"
    return f"{algorithm} has no parameter {param!r} that a declaration may set. {suggest(param, kind.params)}"

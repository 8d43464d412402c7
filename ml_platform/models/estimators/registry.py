"""Which estimator an algorithm's name refers to, and which loader reads a kind."""

from __future__ import annotations

from typing import cast

from ml_platform.core.errors import TrainingError, UntrustedContent
from ml_platform.declarations.algorithms import algorithms, is_project_class, named_algorithms
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import Estimator, FitRequest, SavedEstimator
from ml_platform.models.estimators.plain_class import PlainClass
from ml_platform.models.estimators.user_class import ProjectClass


def fit_estimator(fitting: FitRequest) -> Estimator:
    """Return the fitted estimator that `fitting` names.

    Raises
    ------
    TrainingError
        Where it cannot be fitted on these rows with these parameters.
    """
    if is_project_class(fitting.algorithm):
        return fit_project_class(fitting)
    if fitting.algorithm not in algorithms():
        raise TrainingError(f"algorithm {fitting.algorithm!r} does not exist.")
    return cast(type[Estimator], algorithms()[fitting.algorithm]).fit(fitting)


def fit_project_class(fitting: FitRequest) -> Estimator:
    """Return the fitted estimator of a project's own class: of the extended contract, or a plain one of scikit-learn.

    Raises
    ------
    TrainingError
        Where it cannot be fitted on these rows with these parameters.
    """
    if fitting.code is None:
        raise TrainingError(f"{fitting.algorithm} needs the project's code.")
    loaded = fitting.code.load(fitting.algorithm)
    extended = any(hasattr(loaded, name) for name in ("get_state", "from_state"))
    return ProjectClass.fit(fitting) if extended else PlainClass.fit(fitting)


def load_estimator(kind: str, bundle: SavedEstimator, code: Code | None) -> Estimator:
    """Return the estimator of a bundle whose bytes were checked against their hash.

    Raises
    ------
    UntrustedContent
        For a kind that the platform does not know, or content outside its list of trusted types.
    """
    known: list[type[Estimator]] = [ProjectClass, PlainClass, *cast("list[type[Estimator]]", algorithms().values())]
    for estimator_kind in known:
        if estimator_kind.kind == kind:
            return estimator_kind.load(bundle, code)
    raise UntrustedContent(f"a stored model has the unknown kind {kind!r}. It is not loaded.")


def reads_matrix(algorithm: str) -> bool:
    """Return whether an algorithm learns from the matrix: a rule and a constant do not."""
    return all(kind.reads_matrix for kind in named_algorithms(algorithm))

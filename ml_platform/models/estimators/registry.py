"""Which estimator stands behind an algorithm's name, and which loader reads a kind."""

from __future__ import annotations

from typing import Any

from ml_platform.core.errors import UntrustedContent
from ml_platform.declarations.algorithms import is_project_class
from ml_platform.models.bundled_code import Code
from ml_platform.models.estimators.base import Bundle, Estimator, Fitting
from ml_platform.models.estimators.constant import Constant
from ml_platform.models.estimators.lightgbm import Trees
from ml_platform.models.estimators.rule import Rule
from ml_platform.models.estimators.sklearn import Scikit
from ml_platform.models.estimators.user_class import ProjectClass

_OWN: dict[str, Any] = {"lightgbm": Trees, "rule": Rule, "constant": Constant}
_KINDS: dict[str, Any] = {found.kind: found for found in (Trees, Rule, Constant, Scikit, ProjectClass)}


def fit_estimator(fitting: Fitting) -> Estimator:
    """Return the fitted estimator that `fitting` names.

    Raises
    ------
    TrainingError
        Where it cannot be fitted on these rows with these parameters.
    """
    if is_project_class(fitting.algorithm):
        return ProjectClass.fit(fitting)
    fitted: Estimator = _OWN.get(fitting.algorithm, Scikit).fit(fitting)
    return fitted


def load_estimator(kind: str, bundle: Bundle, code: Code | None) -> Estimator:
    """Return the estimator of a bundle whose bytes were checked against their hash.

    Raises
    ------
    UntrustedContent
        For a kind that the platform does not know, or content outside its list of trusted types.
    """
    if kind not in _KINDS:
        raise UntrustedContent(f"a stored model says it is of kind {kind!r}, which does not exist. It is not loaded.")
    loaded: Estimator = _KINDS[kind].load(bundle, code)
    return loaded


def reads_matrix(algorithm: str) -> bool:
    """Return whether an algorithm learns from the matrix: a rule and a constant do not."""
    return algorithm not in ("rule", "constant")

"""Checks of a refit against the algorithms that may be fitted again."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.declarations.algorithms import algorithm_kind
from ml_platform.declarations.checks.problems import Problem
from ml_platform.declarations.model import ModelSpec


def check_refit(model: ModelSpec) -> Iterator[Problem]:
    """Yield a problem where an algorithm stops early and has no parameter by which a refit takes as many rounds."""
    if model.refit is None:
        return
    for algorithm in (model.algorithm, *(model.baselines if model.choose is not None else ())):
        kind = algorithm_kind(algorithm.name, model.task)
        if kind is not None and kind.stops_early(algorithm.params) and kind.rounds_param is None:
            text = (
                f"{algorithm.name} stops early on the validate period, and its class names no rounds_param, by which a "
                f"refit takes as many rounds. Remove {kind.stopping_param}, or refit"
            )
            yield Problem(f"models/{model.name}", ("refit",), text)

"""The libraries and the machine that a fit depends on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from ml_platform.declarations.algorithms import libraries_of
from ml_platform.declarations.model import ModelSpec

_LIBRARIES = ("lightgbm", "numpy", "pandas", "scikit-learn", "scipy", "skops")


def environment(model: ModelSpec) -> dict[str, str]:
    """Return versions by name: a trained model is reproducible bit for bit where all of these agree.

    A library that is an extra takes part only where an algorithm of the model depends on it.
    """
    versions = {name.replace("-", "_"): _version(name) for name in (*_LIBRARIES, *libraries_of(model))}
    return {**versions, "python": platform.python_version(), "machine": platform.machine()}


def _version(name: str) -> str:
    for distribution in (name, f"{name}-cpu"):  # XGBoost has a distribution for machines without a graphics card
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "not installed"

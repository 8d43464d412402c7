"""The libraries and the machine that a fit depends on."""

from __future__ import annotations

import platform
from importlib.metadata import version

_LIBRARIES = ("lightgbm", "numpy", "pandas", "scikit-learn", "scipy", "skops")


def environment() -> dict[str, str]:
    """Return versions by name: trained models are reproducible bit for bit where all of these agree."""
    versions = {name.replace("-", "_"): version(name) for name in _LIBRARIES}
    return {**versions, "python": platform.python_version(), "machine": platform.machine()}

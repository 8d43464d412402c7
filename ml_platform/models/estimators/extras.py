"""Libraries of estimators that an extra of the platform installs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ml_platform.core.errors import TrainingError


def import_extra(library: str) -> Any:
    """Return a library whose extra has its name.

    Raises
    ------
    TrainingError
        Where it is not installed, with the command that installs it.
    """
    try:
        return import_module(library)
    except ImportError:
        remedy = f"Install it with: pip install 'ml-platform[{library}]'."
        raise TrainingError(f"{library} is not installed. {remedy}") from None

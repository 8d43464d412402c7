"""From one YAML file per model to a monitored model in production.

These are the functions for notebooks. Each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml_platform.api import (
        diff_snapshots,
        evaluation_rows,
        experiment,
        explain,
        in_population,
        load_snapshot,
        predict,
        predictions,
        snapshots,
    )
    from ml_platform.core.errors import PlatformError
    from ml_platform.project import open_project

__all__ = [
    "PlatformError",
    "diff_snapshots",
    "evaluation_rows",
    "experiment",
    "explain",
    "in_population",
    "load_snapshot",
    "open_project",
    "predict",
    "predictions",
    "snapshots",
]

_HOMES = {
    "PlatformError": "ml_platform.core.errors",
    "diff_snapshots": "ml_platform.api",
    "evaluation_rows": "ml_platform.api",
    "experiment": "ml_platform.api",
    "explain": "ml_platform.api",
    "in_population": "ml_platform.api",
    "load_snapshot": "ml_platform.api",
    "open_project": "ml_platform.project",
    "predict": "ml_platform.api",
    "predictions": "ml_platform.api",
    "snapshots": "ml_platform.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

"""From one YAML file per model to a monitored model in production.

These are the functions for notebooks. Each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml_platform.api.functions import (
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
    from ml_platform.api.model_version import ModelVersion
    from ml_platform.api.notebook_project import NotebookProject, open_project
    from ml_platform.api.studies import Study, ablation, backtest
    from ml_platform.core.errors import PlatformError

__all__ = [
    "ModelVersion",
    "NotebookProject",
    "PlatformError",
    "Study",
    "ablation",
    "backtest",
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
    "ModelVersion": "ml_platform.api.model_version",
    "NotebookProject": "ml_platform.api.notebook_project",
    "PlatformError": "ml_platform.core.errors",
    "Study": "ml_platform.api.studies",
    "ablation": "ml_platform.api.studies",
    "backtest": "ml_platform.api.studies",
    "diff_snapshots": "ml_platform.api.functions",
    "evaluation_rows": "ml_platform.api.functions",
    "experiment": "ml_platform.api.functions",
    "explain": "ml_platform.api.functions",
    "in_population": "ml_platform.api.functions",
    "load_snapshot": "ml_platform.api.functions",
    "open_project": "ml_platform.api.notebook_project",
    "predict": "ml_platform.api.functions",
    "predictions": "ml_platform.api.functions",
    "snapshots": "ml_platform.api.functions",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

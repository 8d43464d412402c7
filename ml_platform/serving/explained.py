"""Explaining a prediction that was made online, also one that is not in the prediction log yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_platform.audit.explain import explain
from ml_platform.core.errors import NoSuchPrediction
from ml_platform.operations.predictions.compact_online import compact_online_log, waiting_files
from ml_platform.project import Project


def explained_json(project: Project, id: str) -> Mapping[str, Any]:
    """Return the explanation of a prediction as JSON values.

    Raises
    ------
    NoSuchPrediction
    PlatformError
    """
    now = project.clock.now()
    try:
        return explain(project, id, now).as_json()
    except NoSuchPrediction:
        if not waiting_files(project):
            raise
    compact_online_log(project, now)
    return explain(project, id, now).as_json()

"""What a changed project would be worth: its models beside the live versions, by an experiment that is then removed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from ml_platform.operations.experiments.changed import changed_models
from ml_platform.operations.experiments.launch import Wanted, run_experiment
from ml_platform.operations.experiments.listing import experiment_named, remove_experiment
from ml_platform.operations.experiments.space import ExperimentError
from ml_platform.project import Project


def evaluate_changes(project: Project, at: datetime) -> list[Mapping[str, Any]]:
    """Return the result of each model that a run would make or judge in another way; none where none is.

    Nothing of production is written.

    Parameters
    ----------
    at
        The time of the machine.

    Returns
    -------
    As the record of an experiment has them (`difference_text` and `gain_text` put them into words).

    Raises
    ------
    ExperimentError
        Where a model could not be tried.
    """
    models = changed_models(project.spec, project.database)
    if not models:
        return []
    name = f"plan-{at:%Y%m%d-%H%M%S}-{os.getpid()}"
    try:
        run_experiment(project, Wanted(name, models=models), at)
        return list(experiment_named(project, name).record["models"])
    finally:
        with suppress(ExperimentError):
            remove_experiment(project, name)

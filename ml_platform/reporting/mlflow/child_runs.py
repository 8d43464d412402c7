"""Runs below the run of a trained version: one for each trial of its search for parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ml_platform.storage.artifact_kinds.tuning import TrialFacts, TuningManifest

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARENT_TAG = "mlflow.parentRunId"


@dataclass(frozen=True)
class ChildRun:
    """A run below another, by its name.

    Attributes
    ----------
    losses
        The loss after each fold, logged as the steps of one metric.
    """

    name: str
    params: Mapping[str, str] = field(default_factory=dict)
    losses: tuple[float, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


def trial_runs(about: TuningManifest) -> tuple[ChildRun, ...]:
    """Return the runs of the trials of a search; trial 0 has the declared parameters."""
    trials = enumerate((about.declared, *about.trials))
    return tuple(_trial_run(about, place, trial) for place, trial in trials)


def _trial_run(about: TuningManifest, place: int, trial: TrialFacts) -> ChildRun:
    is_best = place == (0 if about.best is None else about.best + 1)
    tags = {
        "ml_platform.trial": trial.state,
        "ml_platform.score": about.score,
        "ml_platform.best": str(is_best).lower(),
    }
    note = {} if trial.note is None else {"ml_platform.note": trial.note[:5000]}
    params = {f"params.{name}": str(value) for name, value in trial.params.items()}
    return ChildRun(f"trial {place}", params, trial.losses, {**tags, **note})


def log_children(client: MlflowClient, run_id: str, children: Sequence[ChildRun], start: int, end: int) -> None:
    """Write the runs below a run that it does not have yet; those that an interrupted delivery began are completed.

    Parameters
    ----------
    start, end
        Milliseconds since the epoch.
    """
    from mlflow.entities import Metric, Param, RunTag

    experiment = client.get_run(run_id).info.experiment_id
    for child in children:
        where = f"tags.`{PARENT_TAG}` = '{run_id}' and attributes.run_name = '{child.name}'"
        existing = client.search_runs([experiment], filter_string=where, max_results=1)
        if existing and existing[0].info.status == "FINISHED":
            continue
        tags = {PARENT_TAG: run_id, **child.tags}
        made = existing[0] if existing else client.create_run(experiment, start, tags, child.name)
        client.log_batch(
            made.info.run_id,
            metrics=[Metric("loss", loss, end, step) for step, loss in enumerate(child.losses)],
            params=[Param(name, value) for name, value in child.params.items()],
            tags=[RunTag(name, value) for name, value in child.tags.items()],
        )
        client.set_terminated(made.info.run_id, "FINISHED", end)

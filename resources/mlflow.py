"""MLflow through dagster-mlflow, started only when a model is fitted.

Importing either library costs seconds, and `mlflow_tracking` opens a run as soon as it is
made. A training that finds its model in the cache needs neither. `TrainingTracker` is the
resource: it makes dagster-mlflow's own object when a fit begins.
"""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ml_platform.core.secrets import redact
from ml_platform.project import Project
from ml_platform.reporting.mlflow.client import (
    CLIENT_SETTINGS,
    experiment_name,
    open_client,
    open_experiment,
    reachable,
    tracking_uri,
)
from ml_platform.reporting.mlflow.outbox import track
from ml_platform.reporting.mlflow.runs import Record

HOOK = "end_mlflow_on_run_finished"


@dataclass
class Fit:
    """One fit while it is tracked.

    Attributes
    ----------
    began
        Wall-clock instant of its beginning; None as long as nothing had to be fitted.
    run_id
        Its MLflow run; None where MLflow was unreachable.
    """

    tracker: "TrainingTracker"
    project: Project
    model: str
    tags: Mapping[str, str]
    began: datetime | None = None
    run_id: str | None = None

    def begin(self) -> None:
        """Open the MLflow run. Whatever goes wrong with MLflow, training continues."""
        self.began = datetime.now(UTC)
        if reachable(self.project.mlflow_uri):
            self.run_id = self.tracker.open_run(self.project, self.model, self.tags)
        else:
            self.tracker.log.warning(
                f"MLflow at {self.project.mlflow_address} is unreachable: the run is logged later."
            )


@dataclass
class TrainingTracker:
    """dagster-mlflow's resource, made when a fit begins and not before."""

    context: dg.InitResourceContext
    _sessions: list[Iterator[Any]] = field(default_factory=list)

    @property
    def log(self) -> Any:
        """The log of the Dagster run."""
        return self.context.log or dg.get_dagster_logger()

    @property
    def begun(self) -> bool:
        """Whether an MLflow run was opened by this tracker."""
        return bool(self._sessions)

    @contextmanager
    def fit(self, project: Project, model: str, tags: Mapping[str, str]) -> Iterator[Fit]:
        """Track one fit: call `Fit.begin` when it begins.

        If it fails, the hook ends its run as FAILED; where MLflow was unreachable, the failure is logged later.
        """
        fit = Fit(self, project, model, tags)
        try:
            yield fit
        except Exception as error:
            if fit.began is not None:
                self._report_failure(fit, error)
            raise

    def _report_failure(self, fit: Fit, error: Exception) -> None:
        if fit.run_id is not None:
            open_client(fit.project).set_tag(fit.run_id, "error", redact(str(error))[:500])
            return
        key = f"{self.context.run.run_id if self.context.run else 'no run'}:{fit.model}"
        tags = {**fit.tags, "error": redact(str(error))[:500]}
        began, ended = fit.began or datetime.now(UTC), datetime.now(UTC)
        name = f"{fit.model} (failed)"
        track(fit.project, Record(fit.model, key, "training", name, began, ended, status="FAILED", tags=tags))

    def open_run(self, project: Project, model: str, tags: Mapping[str, str]) -> str | None:
        """Make dagster-mlflow's object, which opens a run in the model's experiment; return the run's id."""
        try:
            open_experiment(project, open_client(project), model)  # before dagster-mlflow makes it without our folder
            with _quietly():
                from dagster_mlflow import mlflow_tracking

            config = {
                "experiment_name": experiment_name(project, model),
                "mlflow_tracking_uri": tracking_uri(project),
                "env": {name: os.environ.get(name, value) for name, value in CLIENT_SETTINGS.items()},
                "extra_tags": dict(tags),
            }
            with _quietly():
                session = mlflow_tracking.resource_fn(self.context.replace_config(config))
                mlflow = next(session)
            self._sessions.append(session)
            return str(mlflow.active_run().info.run_id)
        except Exception as error:
            self.log.warning(f"The training of {model} could not be logged to MLflow: {redact(str(error))}")
            return None

    def end_run(self, status: str = "FINISHED") -> None:
        """End the active MLflow run, if there is one; dagster-mlflow's hook calls this."""
        if not self._sessions:
            return
        import mlflow

        if mlflow.active_run() is not None:
            try:
                mlflow.end_run(status)
            except Exception as error:
                self.log.warning(f"The run status {status} could not be logged to MLflow: {redact(str(error))}")

    def close(self) -> None:
        """Let dagster-mlflow clean up, and leave no active run for the next materialization."""
        for session in self._sessions:
            next(session, None)
        self.end_run("KILLED")
        self._sessions.clear()


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep in that dagster-mlflow is beta, and what it uses that Dagster deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@dg.resource(description="MLflow through dagster-mlflow, started only when a model is fitted.")
def training_tracker(context: dg.InitResourceContext) -> Iterator[TrainingTracker]:
    """Give a tracker for one Dagster run and close it afterwards."""
    tracker = TrainingTracker(context)
    try:
        yield tracker
    finally:
        tracker.close()


def _end_when_begun(context: dg.HookContext, event_list: list[dg.DagsterEvent]) -> dg.HookExecutionResult:
    if not context.resources.mlflow.begun:
        return dg.HookExecutionResult(hook_name=HOOK, is_skipped=True)
    with _quietly():
        from dagster_mlflow import end_mlflow_on_run_finished
    result: dg.HookExecutionResult = end_mlflow_on_run_finished.hook_fn(context, event_list)
    return result


end_mlflow_when_begun = dg.HookDefinition(name=HOOK, hook_fn=_end_when_begun, required_resource_keys={"mlflow"})
"""dagster-mlflow's `end_mlflow_on_run_finished`, which is imported only where a run was opened."""

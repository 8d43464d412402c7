"""What is logged to MLflow: one run for each trained version, and what later stages add to it.

A `Record` holds what to log and touches nothing. `log_record` writes it to a run. MLflow
shows and never decides: where it cannot be reached, work continues and the record waits in
the outbox (`ml_platform.reporting.mlflow.outbox`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from ml_platform.core.clock import to_micros
from ml_platform.core.private_files import private_temporary_folder
from ml_platform.project import Project
from ml_platform.reporting.mlflow.child_runs import ChildRun, log_children
from ml_platform.reporting.mlflow.client import open_client, open_experiment
from ml_platform.storage.database import Database
from ml_platform.storage.manifest import StoredObject
from ml_platform.storage.mlflow_tables import RUNS
from ml_platform.storage.rows import put_row

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY_TAG = "ml_platform.key"
NOTE_TAG = "mlflow.note.content"
CLASSIC_VIEW = "workflowType=machine_learning"
"""Without it, a new browser opens the view for traces of language models, in which runs have no metrics."""
_PARAMS_AT_ONCE = 100
_LONGEST_PARAM = 6000
_DIGEST_LENGTH = 36


@dataclass(frozen=True)
class Record:
    """Something to log about one trained version.

    Attributes
    ----------
    key
        Names the MLflow run that it belongs to: the trained model's id, or the Dagster run's where training failed.
    stage
        ``training`` makes the run; every other stage adds to it.
    started, ended
        Wall-clock instants.
    metrics
        Figures by name; one that is missing or not finite is left out.
    files
        Objects of the store by their path inside the run.
    snapshot
        Id of the snapshot that it was trained on, logged as the run's dataset.
    run_id
        The MLflow run that was begun for it, if one was.
    description
        Markdown that the page of the run shows; the last one stays.
    step, measured
        The place of the metrics on the axes: a number that grows, and their instant. Default: 0, and `ended`.
    children
        Runs below it.
    curves
        Figures of several steps by name, as pairs of step and figure.
    """

    model: str
    key: str
    stage: Literal["training", "evaluation", "deployment", "monitoring"]
    name: str
    started: datetime
    ended: datetime
    status: Literal["FINISHED", "FAILED"] = "FINISHED"
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, StoredObject] = field(default_factory=dict)
    snapshot: str | None = None
    run_id: str | None = None
    description: str = ""
    step: int = 0
    measured: datetime | None = None
    children: tuple[ChildRun, ...] = ()
    curves: Mapping[str, list[tuple[int, float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class TrackedRun:
    """The MLflow run of one trained version."""

    experiment_id: str
    run_id: str

    def url(self, base: str) -> str:
        """Return the run's page under the MLflow UI at `base`."""
        return f"{base.rstrip('/')}/#/experiments/{self.experiment_id}/runs/{self.run_id}?{CLASSIC_VIEW}"


def tracked_run(database: Database, model: str, trained_id: str) -> TrackedRun | None:
    """Return the MLflow run of a trained version, or None where none was delivered."""
    query = sa.select(RUNS.c.experiment_id, RUNS.c.run_id)
    with database.reading() as connection:
        row = connection.execute(query.where((RUNS.c.model == model) & (RUNS.c.trained_id == trained_id))).first()
    return TrackedRun(*row) if row else None


def link_run(database: Database, model: str, trained_id: str, run: TrackedRun) -> None:
    """Record which MLflow run belongs to a trained version."""
    at = {"model": model, "trained_id": trained_id}
    with database.writing() as connection:
        put_row(connection, RUNS, at, {"experiment_id": run.experiment_id, "run_id": run.run_id})


def log_record(project: Project, client: MlflowClient, run_id: str, record: Record) -> None:
    """Write a record to a run. Writing it again changes nothing."""
    from mlflow.entities import Metric, Param, RunTag

    at = to_micros(record.measured or record.ended) // 1000
    params = [Param(name, str(value)[:_LONGEST_PARAM]) for name, value in record.params.items()]
    for start in range(0, len(params), _PARAMS_AT_ONCE):
        client.log_batch(run_id, params=params[start : start + _PARAMS_AT_ONCE])
    finite = {name: value for name, value in record.metrics.items() if value is not None and math.isfinite(value)}
    metrics = [Metric(name, value, at, record.step) for name, value in finite.items()]
    metrics += [Metric(name, value, at, step) for name, curve in record.curves.items() for step, value in curve]
    tags = {**record.tags, **({NOTE_TAG: record.description} if record.description else {})}
    client.log_batch(run_id, metrics=metrics, tags=[RunTag(name, value) for name, value in tags.items()])
    if record.snapshot is not None:
        _log_snapshot(client, run_id, record.snapshot)
    if record.files:
        _log_files(project, client, run_id, record.files)
    if record.children:
        log_children(client, run_id, record.children, to_micros(record.started) // 1000, at)


def _log_snapshot(client: MlflowClient, run_id: str, snapshot: str) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset("snapshot", snapshot[:_DIGEST_LENGTH], "ml_platform", f"snapshot/{snapshot}")
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def _log_files(project: Project, client: MlflowClient, run_id: str, files: Mapping[str, StoredObject]) -> None:
    from ml_platform.core.engines.scratch import scratch_folder

    with scratch_folder(private_temporary_folder()) as folder:
        for name, stored in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(project.store.read(stored))
        client.log_artifacts(run_id, str(folder))


def write_run(project: Project, record: Record) -> TrackedRun:
    """Complete the run that was begun for a training record, or make it, and link it to the trained version.

    A version has one run. Where training arrived once more at a version that has one, the second is deleted.
    """
    client = open_client(project)
    experiment = open_experiment(project, client, record.model)
    known = tracked_run(project.database, record.model, record.key)
    run_id = record.run_id or (known.run_id if known else None) or _begun_before(client, experiment, record)
    if known is not None and known.run_id != run_id:
        client.delete_run(run_id)
        return known
    if run_id is None:
        start = to_micros(record.started) // 1000
        run_id = client.create_run(experiment, start, {KEY_TAG: record.key}, record.name).info.run_id
    client.update_run(run_id, name=record.name)
    log_record(project, client, run_id, record)
    client.set_terminated(run_id, record.status, to_micros(record.ended) // 1000)
    tracked = TrackedRun(experiment, run_id)
    if record.status == "FINISHED":
        link_run(project.database, record.model, record.key, tracked)
    return tracked


def _begun_before(client: MlflowClient, experiment: str, record: Record) -> str | None:
    """Return the run that an interrupted delivery of the same record left."""
    runs = client.search_runs([experiment], filter_string=f"tags.`{KEY_TAG}` = '{record.key}'", max_results=1)
    return runs[0].info.run_id if runs else None

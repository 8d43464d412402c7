"""The runs of an experiment in an MLflow of its own, in the experiment's folder: production's MLflow is not touched.

They are written from the record and the manifests alone, which are data, by the process that started the experiment.
None of the experiment's code is loaded here, for this process is not confined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.declarations.project import Storage
from ml_platform.operations.experiments.listing import Experiment
from ml_platform.operations.experiments.words import difference_text, gain_text
from ml_platform.project import Project
from ml_platform.reporting.mlflow.client import open_client, open_experiment
from ml_platform.reporting.mlflow.runs import KEY_TAG, Record, log_record
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.artifacts import ArtifactStore

if TYPE_CHECKING:
    from mlflow import MlflowClient


def log_experiment(project: Project, experiment: Experiment) -> str:
    """Write one run for each model of an experiment, unless it is there, and return the URI of the MLflow with them.

    Parameters
    ----------
    project
        Production: where a trained model was read from it, its manifest is read there.

    Raises
    ------
    DatabaseUnavailable
        Where the database of the experiment's MLflow cannot be made.
    """
    apart = _apart(project, experiment)
    client = open_client(apart)
    for model, result in experiment.models().items():
        folder = open_experiment(apart, client, model)
        if not client.search_runs([folder], f"tags.`{KEY_TAG}` = '{result['trained_model']}'", max_results=1):
            _write(apart, client, folder, _record(project, experiment, model, result))
    return apart.mlflow_uri


def _apart(project: Project, experiment: Experiment) -> Project:
    """Return a project whose state is in the experiment's folder; nothing of it leads to production."""
    name, file = f"{project.spec.name} {experiment.name}", project.spec.file
    about = file.model_copy(update={"name": name, "storage": Storage(state="mlflow")})
    return Project(replace(project.spec, root=experiment.space.folder, file=about))


def _record(project: Project, experiment: Experiment, model: str, result: Mapping[str, Any]) -> Record:
    ended = datetime.fromisoformat(experiment.record["at"]) + timedelta(seconds=experiment.record["seconds"])
    paired = result.get("paired") or {}
    gain = {f"gain_over_live_{name}": value for name, value in (paired.get("difference") or {}).items()}
    metrics = {**result["figures"], **gain, "rows": result["rows"]}
    return Record(
        model=model,
        key=result["trained_model"],
        stage="training",
        name=f"{experiment.name} {model}",
        started=datetime.fromisoformat(experiment.record["at"]),
        ended=ended,
        params=_params(project, experiment, result["trained_model"]),
        metrics={name: value for name, value in metrics.items() if isinstance(value, int | float)},
        tags={
            KEY_TAG: result["trained_model"],
            "ml_platform.model": model,
            "ml_platform.experiment": experiment.name,
            "ml_platform.trained_now": str(bool(result["trained_now"])).lower(),
        },
        snapshot=result["snapshot"],
        description=f"**{experiment.name}**: {difference_text(result)} {gain_text(result)}",
    )


def _params(project: Project, experiment: Experiment, trained: str) -> Mapping[str, str]:
    """Return the parameters of a fit, from its manifest; none where it is gone."""
    for store in (ArtifactStore(str(experiment.space.store)), project.store):
        try:
            about = TrainedModelManifest.of(store.get("trained_model", trained))
        except (ArtifactMissing, ArtifactDamaged):
            continue
        params = {"task": about.task, "algorithm": about.algorithm, "seed": about.seed, "columns": len(about.columns)}
        params |= {f"params.{name}": value for name, value in about.params.items()}
        return {name: str(value) for name, value in params.items()}
    return {}


def _write(project: Project, client: MlflowClient, folder: str, record: Record) -> None:
    run = client.create_run(folder, to_micros(record.started) // 1000, {KEY_TAG: record.key}, record.name).info.run_id
    log_record(project, client, run, record)
    client.set_terminated(run, "FINISHED", to_micros(record.ended) // 1000)

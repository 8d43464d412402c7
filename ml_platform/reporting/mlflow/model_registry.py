"""MLflow's model registry as a mirror: every version that was trained, and the champion as an alias.

It only shows. The platform's own registry decides, and what a person changes in the mirror changes nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_platform.project import Project
from ml_platform.reporting.mlflow.runs import KEY_TAG, Record

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
VERSION_TAG = "ml_platform.version"
_DESCRIPTION = "A mirror of the versions of {}: ml-platform decides which one is champion. It is loaded by ml-platform."


def registered_name(project: Project, model: str) -> str:
    """Return what MLflow's registry calls a model; it refuses slashes.

    Names hold neither dots nor slashes, so no two models share one.
    """
    return f"{project.spec.name}.{model}"


def mirror_version(project: Project, client: MlflowClient, record: Record, run_id: str) -> None:
    """Register the version of a training record, unless it is there. A tag has its number; MLflow gives another one."""
    from mlflow.exceptions import MlflowException

    number = record.tags.get(VERSION_TAG)
    if number is None or record.status != "FINISHED" or _find(project, client, record) is not None:
        return
    name = registered_name(project, record.model)
    try:
        client.create_registered_model(name, description=_DESCRIPTION.format(record.model))
    except MlflowException:  # it is there
        client.get_registered_model(name)
    client.create_model_version(
        name,
        source=f"mlplatform://{project.spec.name}/{record.model}/{number}",
        run_id=run_id,
        tags={KEY_TAG: record.key, VERSION_TAG: number},
        description=record.description,
    )


def mirror_champion(project: Project, client: MlflowClient, record: Record) -> None:
    """Let the alias ``champion`` point at the version of a deployment record."""
    version = _find(project, client, record)
    if version is not None:
        client.set_registered_model_alias(version.name, CHAMPION, version.version)


def _find(project: Project, client: MlflowClient, record: Record) -> ModelVersion | None:
    """Return MLflow's version of a trained model, which a tag identifies; None where it has none."""
    name = registered_name(project, record.model)
    known = client.search_model_versions(f"name = '{name}' and tags.`{KEY_TAG}` = '{record.key}'")
    return known[0] if known else None

"""MLflow's model registry as a mirror: every version that was trained, and the champion as an alias.

It only shows. The platform's own registry decides, and what a person changes in the mirror changes nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_platform.project import Project
from ml_platform.registry.champion import champion_ref
from ml_platform.reporting.mlflow.page_links import with_page_link
from ml_platform.reporting.mlflow.runs import KEY_TAG, Record
from ml_platform.storage.refs import read_ref

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
VERSION_TAG = "ml_platform.version"
_NOT_THERE = "RESOURCE_DOES_NOT_EXIST"
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
    if number is None or record.status != "FINISHED" or _find(project, client, record.model, record.key) is not None:
        return
    name = registered_name(project, record.model)
    about = with_page_link(project, record.model, _DESCRIPTION.format(record.model))
    try:
        client.create_registered_model(name, description=about)
    except MlflowException:  # it is there
        if client.get_registered_model(name).description != about:
            client.update_registered_model(name, about)
    client.create_model_version(
        name,
        source=f"mlplatform://{project.spec.name}/{record.model}/{number}",
        run_id=run_id,
        tags={KEY_TAG: record.key, VERSION_TAG: number},
        description=record.description,
    )


def describe_version(project: Project, client: MlflowClient, record: Record) -> None:
    """Let a registered version have the description of its run: what its evaluation or deployment came to."""
    version = _find(project, client, record.model, record.key) if record.description else None
    if version is not None and version.description != record.description:
        client.update_model_version(version.name, version.version, record.description)


def mirror_champion(project: Project, client: MlflowClient, model: str) -> None:
    """Let the alias ``champion`` point at the version that is champion now, whatever record is delivered.

    Records come late, and of several versions in any order. Where MLflow does not have the champion's version, no
    version has the alias.
    """
    from mlflow.exceptions import MlflowException

    name = registered_name(project, model)
    current = read_ref(project.database, champion_ref(model))
    version = None if current is None else _find(project, client, model, current)
    try:
        before = client.get_registered_model(name).aliases.get(CHAMPION)
    except MlflowException as error:
        if error.error_code != _NOT_THERE:
            raise
        return
    if version is not None and str(version.version) != str(before):
        client.set_registered_model_alias(name, CHAMPION, version.version)
    elif version is None and before is not None:
        client.delete_registered_model_alias(name, CHAMPION)


def _find(project: Project, client: MlflowClient, model: str, key: str) -> ModelVersion | None:
    """Return MLflow's version of a trained model, which a tag identifies; None where it has none."""
    name = registered_name(project, model)
    known = client.search_model_versions(f"name = '{name}' and tags.`{KEY_TAG}` = '{key}'")
    return known[0] if known else None

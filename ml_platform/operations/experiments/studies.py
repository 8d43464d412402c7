"""A study of a model on request: a confined process makes it from what production has stored, and keeps nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError

from ml_platform.core.errors import NotMaterialized
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.experiments.launch import events_of, prepared_request
from ml_platform.operations.experiments.request import Request
from ml_platform.operations.experiments.space import ExperimentError, new_space
from ml_platform.operations.planning.nodes import operation
from ml_platform.operations.planning.nodes.study import StudyOperation
from ml_platform.project import Project
from ml_platform.registry.studied import study_key
from ml_platform.storage.artifact_kinds import ArtifactKind
from ml_platform.storage.outputs import current_output

Emit = Callable[[dict[str, Any]], None]
"""Takes an event: what is trained next, or the result."""


@dataclass(frozen=True)
class StudyResult:
    """What a study came to.

    Attributes
    ----------
    snapshot
        The snapshot whose rows were fitted and judged.
    was_stored
        Whether a run had made it already.
    """

    manifest: ArtifactKind
    snapshot: str
    was_stored: bool


def run_study(
    production: Project,
    kind: str,
    model: str,
    options: BaseModel,
    at: datetime,
    progress: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> StudyResult:
    """Return a study of a model by its newest snapshot, made now unless a run has made it.

    Nothing of production is written: the process that runs the project's code is confined as that of an experiment.

    Parameters
    ----------
    kind
        The kind of node that the study is.
    at
        The time of the machine.

    Raises
    ------
    NotMaterialized
        Where the model has no snapshot yet.
    ExperimentError
        Where the study could not be made: the reason is in the message.
    """
    production.require_model(model)
    snapshot = current_output(production.database, NodeName("snapshot", model))
    if snapshot is None:
        raise NotMaterialized(NodeName(kind, model), NodeName("snapshot", model))
    study = study_of(kind)
    stored = production.store.find(kind, study_key(kind, production, model, snapshot, options))
    if stored is not None:
        return StudyResult(study.manifest.of(stored), snapshot, was_stored=True)
    space = new_space(production, f"{kind.replace('_', '-')}-{at:%Y%m%d-%H%M%S}-{os.getpid()}")
    try:
        wanted = {"kind": kind, "options": options.model_dump(mode="json"), "snapshot": snapshot}
        request, environment = prepared_request(production, production.spec, space, [model], wanted)
        events = list(events_of(request, space, environment, progress))
    finally:
        shutil.rmtree(space.folder, ignore_errors=True)
    failed = next((event for event in events if event["event"] == "failed"), None)
    result = next((event for event in events if event["event"] == "result"), None)
    if failed is not None or result is None:
        raise ExperimentError(str(failed["problem"]) if failed else f"the process of {kind} ended without a result.")
    return StudyResult(study.manifest.model_validate(result["manifest"]), snapshot, was_stored=False)


def study_options(project: Project, kind: str, model: str, asked: Mapping[str, Any]) -> BaseModel:
    """Return the options of a study of a model.

    Parameters
    ----------
    asked
        Options that were named; others are those of the declaration, or the defaults.

    Raises
    ------
    UnknownModel
    ExperimentError
        Where an option cannot be read, or does not fit the model.
    """
    project.require_model(model)
    node, spec = study_of(kind).node, project.spec.models[model]
    assert node.Options is not None, "a study has options"
    try:
        options = node.Options.model_validate({**(spec.nodes or {}).get(kind, {}), **asked})
    except ValidationError as error:
        fault = error.errors()[0]
        text = fault["msg"].removeprefix("Value error, ")
        raise ExperimentError(f"{kind}: {fault['loc'][0]}: {text[0].lower()}{text[1:]}.") from None
    for name, text in node.problems(spec, options):
        raise ExperimentError(f"{kind}: {name}: {text}.")
    return options


def study_of(kind: str) -> type[StudyOperation]:
    """Return the study of a kind."""
    study = operation(kind)
    assert issubclass(study, StudyOperation), f"{kind} is a study"
    return study


def study_here(project: Project, request: Request, emit: Emit) -> None:
    """Make the study that a request asks for, in this process, and emit what it comes to."""
    assert request.study is not None, "the request asks for a study"
    (model,) = request.models
    kind, snapshot = request.study["kind"], request.study["snapshot"]
    study = study_of(kind)
    assert study.node.Options is not None, "a study has options"
    options = study.node.Options.model_validate(request.study["options"])
    manifest = study.study(
        project, model, snapshot, options, lambda text: emit({"event": "step", "node": text, "reused": False})
    )
    emit({"event": "result", "model": model, "manifest": manifest.as_json()})

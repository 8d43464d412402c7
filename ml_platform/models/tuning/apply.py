"""A model's declaration with the parameters that a search brought."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_platform.declarations.model import ModelSpec
from ml_platform.storage.artifact_kinds.tuning import TuningManifest

if TYPE_CHECKING:
    from ml_platform.project import Project


def with_params(model: ModelSpec, params: Mapping[str, Any]) -> ModelSpec:
    """Return the declaration whose algorithm has some parameters beside its own."""
    algorithm = model.algorithm.model_copy(update={"params": {**model.algorithm.params, **params}})
    return model.model_copy(update={"algorithm": algorithm})


def tuned_model(project: Project, model: ModelSpec, inputs: Mapping[str, str]) -> ModelSpec:
    """Return what is fitted: the declaration, with the parameters of the search where a trained model has one.

    Parameters
    ----------
    inputs
        Those of the trained model; the search is ``tuning``.

    Raises
    ------
    ArtifactMissing, ArtifactDamaged
    """
    if "tuning" not in inputs:
        return model
    return with_params(model, TuningManifest.of(project.store.get("tuning", inputs["tuning"])).params)

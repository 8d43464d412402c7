"""What studies of a model share: their key, and the declaration that they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from ml_platform.core.hashing import cache_key
from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.resolve import expand_features
from ml_platform.declarations.studied import studied_functions, studied_part
from ml_platform.declarations.user_code.version import code_version
from ml_platform.models.environment import environment
from ml_platform.models.fit_inputs import all_inputs

if TYPE_CHECKING:
    from ml_platform.project import Project


def study_key(kind: str, project: Project, model_name: str, snapshot_id: str, options: BaseModel) -> str:
    """Return the key of a study: of what is fitted and judged, the rows, the libraries and the machine."""
    model = project.spec.models[model_name]
    declared = {
        "model": model_name,
        "currency": project.spec.unit_of_value(model_name),
        **studied_part(project.spec, model_name),
        "options": deciding(options),
        "features": list(expand_features(project.spec, model)),
        "inputs": [[column.name, column.type] for column in all_inputs(project.spec, model)],
        "environment": environment(model),
    }
    code = code_version(kind, project.root, studied_functions(project.spec, model_name))
    return cache_key(kind, declared, code, {"snapshot": snapshot_id})


def alone(model: ModelSpec) -> ModelSpec:
    """Return the declaration without baselines, unless one of them may be chosen."""
    return model if model.choose is not None else model.model_copy(update={"baselines": ()})

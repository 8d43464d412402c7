"""What decides a study of a model: the keys that decide a fit and what a row earns."""

from __future__ import annotations

from typing import Any

from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.metric_names import loss_quantile
from ml_platform.declarations.project import ProjectSpec

_PARTS = ("task", "quantile", "transforms", "algorithm", "calibration", "choose", "value")


def studied_part(spec: ProjectSpec, model_name: str) -> dict[str, Any]:
    """Return the keys of a model that decide a study of it, whatever its options are."""
    model = spec.models[model_name]
    part = {name: deciding(getattr(model, name)) for name in _PARTS}
    if model.choose is not None:
        part["baselines"] = deciding(model.baselines)
    part["value"] = {name: item for name, item in part["value"].items() if name not in ("control", "taken")}
    about = {"horizon": deciding(model.label.horizon), "loss_quantile": loss_quantile(model)}
    return {**part, **about, "threads": spec.file.threads, "validate": deciding(model.split.validate_)}


def studied_functions(spec: ProjectSpec, model_name: str) -> tuple[str, ...]:
    """Return the transforms of a model, and the algorithms that are code of the project."""
    model = spec.models[model_name]
    algorithms = (model.algorithm, *(model.baselines if model.choose is not None else ()))
    return (*model.transforms, *(item.name for item in algorithms if ":" in item.name))

"""Which columns a model's predictor needs, and which part of its declaration decides a fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ml_platform.core.errors import TrainingError, suggest
from ml_platform.core.expressions import parse_expression
from ml_platform.core.hashing import content_id
from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.fingerprint import deciding_part
from ml_platform.declarations.model import Algorithm, ModelSpec
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import expand_features, feature_tables_of, feature_type, population_columns
from ml_platform.models.bundled_code import Code
from ml_platform.models.decision import Decision
from ml_platform.models.estimators.registry import reads_matrix
from ml_platform.models.inputs.columns import InputColumn

_PREDICTION_TIME = InputColumn("prediction_time", "timestamp")


def all_inputs(spec: ProjectSpec, model: ModelSpec) -> tuple[InputColumn, ...]:
    """Return every column that the model's predictor or one of its baselines needs."""
    by_name: dict[str, InputColumn] = {}
    for algorithm in (model.algorithm, *model.baselines):
        by_name.update({column.name: column for column in inputs_of(spec, model, algorithm)})
    return tuple(by_name.values())


def inputs_of(spec: ProjectSpec, model: ModelSpec, algorithm: Algorithm) -> tuple[InputColumn, ...]:
    """Return the columns that one algorithm's predictor needs: features first, in declared order.

    Then come the columns that its payoffs, its rule and the label read, and, where transforms take part, all columns of
    the population and the prediction time, since a function does not declare which columns it reads.
    """
    decision = Decision.declared(model.value, model.population.owner)
    names = dict.fromkeys(expand_features(spec, model) if reads_matrix(algorithm.name) else ())
    transforms = transform_names(model)
    names.update(
        dict.fromkeys(name for name in _rule_columns(model, algorithm) if name.partition(".")[0] not in transforms)
    )
    names.update(dict.fromkeys((*decision.columns, *model.label.references)))
    with_transforms = needs_transforms(model, algorithm)
    if with_transforms:
        names.update(dict.fromkeys([*expand_features(spec, model), *population_columns(spec, model)]))
    columns = tuple(InputColumn(name, _type(spec, model, name)) for name in names)
    return (*columns, _PREDICTION_TIME) if with_transforms else columns


def needs_transforms(model: ModelSpec, algorithm: Algorithm) -> bool:
    """Return whether the model's transforms take part in an algorithm's predictor."""
    if not model.transforms:
        return False
    transforms = transform_names(model)
    return reads_matrix(algorithm.name) or any(
        name.partition(".")[0] in transforms for name in _rule_columns(model, algorithm)
    )


def transform_names(model: ModelSpec) -> set[str]:
    """Return the names of the model's transform functions, which their columns bear before the dot."""
    return {reference.partition(":")[2] for reference in model.transforms}


def fit_declaration(spec: ProjectSpec, model: ModelSpec) -> dict[str, Any]:
    """Return the part of the declaration that decides a fit on a given snapshot."""
    return {
        **deciding_part(spec, "trained_model", model.name),
        "features": list(expand_features(spec, model)),
        "inputs": [[column.name, column.type] for column in all_inputs(spec, model)],
        "source": model.population.owner,
    }


def declaration_id(spec: ProjectSpec, model: ModelSpec, code: Code) -> str:
    """Return an id that differs where a declaration of a model changed, and stays the same where it is refreshed.

    Everything that decides what the predictor is takes part: rows, label, features, algorithm, payoffs, and the
    project's code. Gates and schedules do not, and baselines only where one of them may be chosen. ``refit`` does not
    either: versions are compared as they were before it, so that no comparison is about it.
    """
    fitted = {name: part for name, part in deciding_part(spec, "trained_model", model.name).items() if name != "refit"}
    if model.choose is None:
        del fitted["baselines"]
    tables = {name: deciding(spec.feature_tables[name]) for name in feature_tables_of(spec, model)}
    frame = deciding_part(spec, "snapshot", model.name)
    return content_id({"fitted": fitted, "frame": frame, "tables": tables, "code": code.hashes})


def _rule_columns(model: ModelSpec, algorithm: Algorithm) -> Iterator[str]:
    if algorithm.expression is not None:
        for name in sorted(parse_expression(algorithm.expression).names):
            yield name if "." in name else f"{model.population.owner}.{name}"


def _type(spec: ProjectSpec, model: ModelSpec, name: str) -> Any:
    try:
        return feature_type(spec, name, model)
    except KeyError:
        known = [*spec.feature_tables, *model.joins, *spec.sources]
        raise TrainingError(f"column {name} is declared nowhere. {suggest(name.partition('.')[0], known)}") from None

"""The columns of a model's prediction log that a source can declare, from the declarations alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.population_columns import find_population_columns
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.source import ColumnType

SCORE_OF = "score_"
"""The start of the name of the column with one class's score, where a model distinguishes several classes."""

_TIMES: Mapping[str, ColumnType] = {
    "prediction_time": "timestamp",
    "effective_time": "timestamp",
    "scored_at": "timestamp",
}


def logged_columns(spec: ProjectSpec, model: ModelSpec) -> dict[str, ColumnType]:
    """Return the columns that a source of a model's predictions may declare, with their types.

    Those of single classes (`score_column`) are not among them: the classes are known only after training.
    """
    population = find_population_columns(spec, model)
    types = {name: column.type for name, column in population.columns.items()} if population is not None else {}
    key = spec.file.entities.get(model.population.entity, ())
    columns: dict[str, ColumnType] = {name: types[name] for name in key if name in types}
    columns |= {"prediction_id": "string", "version": "int", "trained_model": "string", **_TIMES}
    if model.task == "multiclass":
        return {**columns, "predicted": "string", "action": "string", "expected_value": "float"}
    columns["score"] = "float"
    return {**columns, "action": "string", "expected_value": "float"} if model.task == "binary" else columns


def score_column(label: Any) -> str:
    """Return the column with the score of one class: ``score_very_late`` for ``very late``."""
    return SCORE_OF + re.sub(r"\W", "_", str(label))


def is_class_score(model: ModelSpec, name: str) -> bool:
    """Return whether a column is meant to be the score of one class."""
    return model.task == "multiclass" and name.startswith(SCORE_OF)

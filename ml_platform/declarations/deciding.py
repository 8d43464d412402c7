"""The part of a declaration that decides what is made from it, for cache keys and code versions.

A changed description or owner changes nothing here; a changed window does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from ml_platform.core.clock import Schedule, format_duration
from ml_platform.core.hashing import format_instant
from ml_platform.declarations.dirty_rows import POLICIES
from ml_platform.declarations.joins import joins_of
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import expand_features, feature_tables_of
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.types import Window

NOT_DECIDING = frozenset(
    {"description", "owner", "unit", "expectations", "freshness", "spec_version", "online", "approval", "monthly_cost"}
)
"""Keys that describe a thing without changing it."""


def deciding(part: Any) -> Any:
    """Return what decides in a part of a declaration, as plain values that have a canonical form.

    Keys of `NOT_DECIDING` and keys without a value are left out. The order of a mapping's keys does not decide,
    but for ``actions``, where ties go to the first.
    """
    if isinstance(part, BaseModel):
        fields = type(part).model_fields.items()
        named = {field.alias or name: getattr(part, name) for name, field in fields if name not in NOT_DECIDING}
        return {name: _ordered(name, value) for name, value in named.items() if value is not None}
    if isinstance(part, Mapping):
        return {str(key): deciding(value) for key, value in part.items()}
    if isinstance(part, tuple | list):
        return [deciding(value) for value in part]
    if isinstance(part, timedelta):
        return format_duration(part)
    if isinstance(part, datetime):
        return format_instant(part)
    return part.text if isinstance(part, Schedule | Window) else part


def _ordered(name: str, value: Any) -> Any:
    if name == "actions":
        return [[action, payoff] for action, payoff in value.items()]
    return deciding(value)


def frame_part(spec: ProjectSpec, model: ModelSpec) -> dict[str, Any]:
    """Return what decides a model's frame besides its own population: features, ticks, keys, the batch runs."""
    tables = {name: spec.feature_tables[name] for name in feature_tables_of(spec, model)}
    references = {"label_columns": list(model.label.references)} if model.label.references else {}
    return {
        "features": list(expand_features(spec, model)),
        "ticks": {name: [deciding(table.refresh), deciding(table.publish_delay)] for name, table in tables.items()},
        "joins": {joined.alias: [joined.table.name, dict(joined.keys)] for joined in joins_of(spec, model)},
        "population_key": list(spec.file.entities[model.population.entity]),
        **{role: rows_of(spec.sources[name]) for role, name in model.population.roles.items()},
        "label_rows": rows_of(spec.sources[model.label.source]),
        "label_freshness": deciding(spec.sources[model.label.source].freshness),
        "batch": model.batch.text,
        **references,
    }


def rows_of(source: SourceSpec) -> dict[str, Any]:
    """Return what decides the meaning of a source's rows, wherever they are read from and whichever are refused."""
    facts = {name: value for name, value in deciding(source).items() if name not in {"reader", *POLICIES}}
    columns = facts["columns"].items()
    return facts | {
        "columns": {
            column: {name: value for name, value in declared.items() if name not in POLICIES}
            for column, declared in columns
        }
    }


def refusing_of(source: SourceSpec) -> list[Any]:
    """Return what decides which rows of a source are refused, in one item; nothing where no policy is declared."""
    policies = {name: value for name, value in deciding(source).items() if name in POLICIES - {"quarantine"}}
    columns = {name: column.on_error for name, column in source.columns.items() if column.on_error is not None}
    return [{**policies, "columns": columns}] if policies or columns else []


def mentions(part: Any, column: str) -> bool:
    """Return whether a value in a deciding part, such as an expression or a list of columns, names a column."""
    if isinstance(part, Mapping):
        return any(mentions(value, column) for value in part.values())
    if isinstance(part, list | tuple):
        return any(mentions(value, column) for value in part)
    return isinstance(part, str) and re.search(rf"(?<![\w]){re.escape(column)}(?!\w)", part) is not None

"""The declarations that produced one model's predictions as plain values, which stay readable after every edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import feature_tables_of, sources_of
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.types import Declaration

_STORED_NAMES = {"leakage": "leaks"}
"""Renamed keys of a model, and the names under which they are stored: ids stay, and older logs can be read."""


def kept_declarations(spec: ProjectSpec, model_name: str) -> dict[str, Any]:
    """Return the model with the sources, feature tables and entities that its rows are made from; JSON types only."""
    model = spec.models[model_name]
    return {
        "entities": {name: list(key) for name, key in spec.file.entities.items()},
        "currency": spec.file.currency,
        "sources": {name: _plain(spec.sources[name]) for name in sources_of(spec, model)},
        "features": {name: _plain(spec.feature_tables[name]) for name in feature_tables_of(spec, model)},
        "models": {model_name: _stored_model(model)},
    }


def read_declarations(spec: ProjectSpec, kept: Mapping[str, Any]) -> ProjectSpec:
    """Return the project as it was declared when `kept` was written: those declarations and no others.

    Parameters
    ----------
    spec
        The project as it is declared now: it declares where things are stored.

    Raises
    ------
    ValueError
        Where a declaration can no longer be read, because it is of another version of the platform.
    """
    names = {stored: name for name, stored in _STORED_NAMES.items()}
    entities = {name: tuple(key) for name, key in kept["entities"].items()}
    file = spec.file.model_copy(update={"entities": entities, "currency": kept["currency"], "engine": "duckdb"})
    return ProjectSpec(
        spec.root,
        file,
        {name: SourceSpec.model_validate(facts) for name, facts in kept["sources"].items()},
        {name: FeatureTableSpec.model_validate(facts) for name, facts in kept["features"].items()},
        {name: ModelSpec.model_validate(_renamed(facts, names)) for name, facts in kept["models"].items()},
    )


def _plain(declared: Declaration) -> dict[str, Any]:
    return declared.model_dump(mode="json", by_alias=True, exclude_none=True)


def _stored_model(model: ModelSpec) -> dict[str, Any]:
    """Return a model under the names, and in the order, in which models were stored first."""
    facts = _renamed(_plain(model), _STORED_NAMES)
    deployment = {"online": False, **facts["deployment"]}
    last = {name: deployment.pop(name) for name in ("online", "approval") if name in deployment}
    return {**facts, "deployment": {**deployment, **last}}


def _renamed(facts: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in facts.items()}

"""JSON schemas of the declarations, for editors."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.project import ProjectFile
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.types import Declaration

_KINDS: dict[str, type[Declaration]] = {
    "project": ProjectFile,
    "source": SourceSpec,
    "feature_table": FeatureTableSpec,
    "model": ModelSpec,
}


class _InWrittenOrder(GenerateJsonSchema):
    """Keys stay in the order in which they are declared, so that examples read as people write them."""

    def sort(self, value: Any, parent_key: str | None = None) -> Any:
        return value


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON schema (2020-12) of each kind of declaration, with the short forms that YAML may use.

    An editor takes one by a first line such as ``# yaml-language-server: $schema=model.json``.
    """
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {
        name: draft | kind.model_json_schema(by_alias=True, schema_generator=_InWrittenOrder)
        for name, kind in _KINDS.items()
    }

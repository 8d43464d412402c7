"""Feature tables: features of an entity, from the rows of one source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ml_platform.declarations.deciding import deciding, mentions, rows_of
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.node_kinds.kind import NodeKind
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import Location, ProjectSpec


class FeatureTableNode(NodeKind):
    """A node for each feature table, made from its source."""

    name = "feature_table"
    version = 5
    stage = "data"
    purpose = "Features of an entity at each tick"

    @classmethod
    def subjects(cls, spec: ProjectSpec) -> Iterable[str]:
        """Return the feature tables."""
        return spec.feature_tables

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return its source."""
        return (NodeName("source", spec.feature_tables[subject].source),)

    @classmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return the declaration, the entity's key, and what decides the meaning of the source's rows."""
        table = spec.feature_tables[subject]
        key = spec.file.entities[table.entity]
        return {"table": deciding(table), "entity_key": list(key), "rows": rows_of(spec.sources[table.source])}

    @classmethod
    def column_meanings(cls, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the feature of each column, with its window; rows are those of the entity at each tick."""
        table = FeatureTableSpec.model_validate({"spec_version": 1, **part["table"]})
        rows = {name: value for name, value in part["table"].items() if name not in ("name", "features")}
        features = {
            column: [{key: it for key, it in part["table"]["features"][name].items() if key != "windows"}, str(window)]
            for column, (name, window) in table.columns.items()
        }
        source = {name: value for name, value in part["rows"].items() if name != "columns"}
        return {"": [rows, part["entity_key"], source], **features}

    @classmethod
    def names_column(cls, part: Mapping[str, Any], node: NodeName, column: str) -> bool:
        """Return whether the features, their conditions or the entity's key name a column of the source."""
        return mentions([part["table"], part["entity_key"]], column)

    @classmethod
    def about(cls, spec: ProjectSpec, subject: str) -> tuple[str, str]:
        """Return the owner and the description in the declaration."""
        return spec.feature_tables[subject].owner, spec.feature_tables[subject].description

    @classmethod
    def location(cls, spec: ProjectSpec, subject: str) -> Location:
        """Return its file."""
        return spec.locations.get(NodeName(cls.name, subject), Location(f"features/{subject}.yaml"))

    @classmethod
    def group(cls, subject: str) -> str:
        """Return the group of all feature tables."""
        return "features"

    @classmethod
    def change(cls, path: str) -> str:
        """Return a changed key without the part that it is in."""
        return f"its source's {path.removeprefix('rows.')}" if path.startswith("rows.") else path.removeprefix("table.")

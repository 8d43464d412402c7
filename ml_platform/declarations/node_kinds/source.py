"""Sources: rows as they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ml_platform.declarations.deciding import deciding, mentions
from ml_platform.declarations.dirty_rows import POLICIES
from ml_platform.declarations.node_kinds.kind import NodeKind
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import Location, ProjectSpec


class SourceNode(NodeKind):
    """A node for each source; one of predictions is made from them, a derived one from other sources."""

    name = "source"
    version = 3
    stage = "data"
    purpose = "The ingested rows, each with the time from which it was known"
    subjects_first = 1

    @classmethod
    def subjects(cls, spec: ProjectSpec) -> Iterable[str]:
        """Return the sources."""
        return spec.sources

    @classmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return the predictions or the sources that it reads, or nothing."""
        reader = spec.sources[subject].reader
        sources = [NodeName(cls.name, name) for name in reader.inputs]
        return (NodeName("predictions", reader.model),) if reader.model else sources

    @classmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return the whole declaration."""
        return dict(deciding(spec.sources[subject]))

    @classmethod
    def column_meanings(cls, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the columns without their policies; where rows are read and which are refused is no meaning."""
        rows = {name: value for name, value in part.items() if name not in {"name", "columns", "reader", *POLICIES}}
        columns = part["columns"].items()
        return {
            "": rows,
            **{name: {key: it for key, it in column.items() if key not in POLICIES} for name, column in columns},
        }

    @classmethod
    def names_column(cls, part: Mapping[str, Any], node: NodeName, column: str) -> bool:
        """Return whether the query of a derived source names a column."""
        return mentions(part["reader"], column)

    @classmethod
    def functions(cls, spec: ProjectSpec, subject: str) -> tuple[str, ...]:
        """Return the functions of its reader."""
        return tuple(spec.sources[subject].reader.functions.values())

    @classmethod
    def about(cls, spec: ProjectSpec, subject: str) -> tuple[str, str]:
        """Return the owner and the description in the declaration."""
        return spec.sources[subject].owner, spec.sources[subject].description

    @classmethod
    def location(cls, spec: ProjectSpec, subject: str) -> Location:
        """Return its file."""
        return spec.locations.get(NodeName(cls.name, subject), Location(f"sources/{subject}.yaml"))

    @classmethod
    def group(cls, subject: str) -> str:
        """Return the group of all sources."""
        return "sources"

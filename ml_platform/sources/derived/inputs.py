"""The sources that a derived source reads, as its parts: each with the state in which it was ingested last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ml_platform.core.errors import NotMaterialized
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.source import SourceSpec
from ml_platform.project import Project
from ml_platform.sources.ingest_history import Ingest, last_ingest
from ml_platform.sources.reading.reader import SourcePart


def input_parts(project: Project, spec: SourceSpec) -> list[SourcePart]:
    """Return the inputs of a derived source, in the order of its query.

    Raises
    ------
    NotMaterialized
        Where one was never ingested.
    """
    return [
        SourcePart(str(NodeName("source", name)), input_ingest(project, spec, name).id, _nothing)
        for name in spec.reader.inputs
    ]


def input_ingest(project: Project, spec: SourceSpec, name: str) -> Ingest:
    """Return the last ingest of an input.

    Raises
    ------
    NotMaterialized
        Where there is none.
    """
    ingest = last_ingest(project.database, name)
    if ingest is None:
        raise NotMaterialized(NodeName("source", spec.name), NodeName("source", name))
    return ingest


def _nothing() -> Iterator[Any]:
    """Give no row: the rows of inputs are joined where they are stored."""
    return iter(())

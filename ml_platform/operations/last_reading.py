"""Up to when the rows are read that a source or a feature table has."""

from __future__ import annotations

from datetime import datetime

from ml_platform.declarations.node_kinds import node_kind
from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.storage.outputs import OutputRecord, output_record

_ROWS = ("source", "feature_table", "predictions")
"""Kinds of nodes that have rows; of the others, such as a deployment, no row comes."""


def last_reading(project: Project, node: NodeName, now: datetime, reader: OutputRecord | None = None) -> datetime:
    """Return when the rows of a source or a feature table were read from outside of the platform.

    A feature table, a derived source and a source of predictions have the rows that their inputs had when they were
    made. So a step that ran alone has no newer rows than the last reading of its inputs before it.

    Parameters
    ----------
    reader
        The record of the node that reads this one; without it, the newest rows count.

    Returns
    -------
    datetime
        `now` where no reading is recorded: who reads a source without Dagster knows when.
    """
    record = output_record(project.database, node, before=reader)
    inputs = [name for name in node_kind(node.kind).inputs(project.spec, node.subject) if name.kind in _ROWS]
    made = now if record is None else record.at
    return min(now, made, *(last_reading(project, name, now, record) for name in inputs))

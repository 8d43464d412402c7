"""The columns of feature tables beside a model's questions, as they could be read at each batch run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from ml_platform.core.engines import Engine
from ml_platform.core.errors import FrameError
from ml_platform.datasets.exclusions import EFFECTIVE
from ml_platform.declarations.joins import Joined, joins_through
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.features.point_in_time import features_at
from ml_platform.project import Project


def required_input(inputs: Mapping[str, str], model_name: str, node: str) -> str:
    """Return the id of one of a model's inputs."""
    if node not in inputs:
        raise FrameError(f"{model_name}: no id is given for its input {node}. Pass it with the others.")
    return inputs[node]


def effective_of(table: str) -> str:
    """Return the column of the instant at which one feature table is read, where it is not that of the others."""
    return f"{EFFECTIVE}.{table}"


def with_feature_columns(
    project: Project,
    model: ModelSpec,
    inputs: Mapping[str, str],
    engine: Engine,
    rows: pa.Table,
    columns: Sequence[str],
) -> pa.Table:
    """Return rows with columns of feature tables as they could be read at ``_effective``.

    Parameters
    ----------
    rows
        With the population's own columns, such as ``source.column``, and ``_effective`` in microseconds. Where there
        is a column of `effective_of` for a table, it is read instead.
    columns
        ``table.column``, or columns that the rows have already.
    """
    joins = joins_through(project.spec, model, columns)
    for joined in joins:
        wanted = [
            name for name in _columns(joined, joins, columns) if f"{joined.alias}.{name}" not in rows.column_names
        ]
        if wanted:
            node, table_instant = NodeName("feature_table", joined.table.name), effective_of(joined.table.name)
            rows = features_at(
                project,
                engine,
                project.store.get("feature_table", required_input(inputs, model.name, node)),
                rows,
                keys=joined.keys,
                instant=table_instant if table_instant in rows.column_names else EFFECTIVE,
                columns=wanted,
                called=joined.alias,
            )
    return rows


def _columns(joined: Joined, joins: Sequence[Joined], columns: Sequence[str]) -> list[str]:
    """Return the columns of a table that are wanted, or that give another table its key."""
    read = [*columns, *(key for join in joins for key in join.keys.values())]
    split = (name.partition(".") for name in read)
    return list(dict.fromkeys(column for owner, _, column in split if owner == joined.alias))

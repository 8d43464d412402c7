"""What the answers of one version share while the online store has the same content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.predictions.online_log import LogContext
from ml_platform.serving.table_states import TableStates
from ml_platform.storage.online.description import Description


@dataclass(frozen=True)
class SharedFacts:
    """What answers share while the store has the same description."""

    description: Description
    context: LogContext
    tables: TableStates


def shared_facts(
    description: Description,
    model: ModelSpec,
    tables: Mapping[str, FeatureTableSpec],
    sources: Sequence[NodeName],
    version: LogContext,
) -> SharedFacts:
    """Return what answers share.

    Parameters
    ----------
    tables
        The feature tables that are read.
    sources
        The sources of the population.
    version
        The context of the version, without inputs and ticks.
    """
    published = {name: description.tables[name] for name in tables}
    inputs = {str(NodeName("feature_table", name)): table.artifact for name, table in published.items()}
    rows = description.rows.get(model.name)
    if rows is not None:
        inputs |= {str(node): rows.artifact for node in sources[:1]}
    ticks = {name: table.tick for name, table in published.items()}
    context = msgspec.structs.replace(version, inputs=inputs, ticks=ticks)
    return SharedFacts(description, context, TableStates(model, tables, ticks))

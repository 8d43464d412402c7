"""Whether entities that somebody brings are in a model's population, by what was made last."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ml_platform.core.errors import FrameError, listed
from ml_platform.datasets.membership import membership
from ml_platform.declarations.joins import joins_through
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.population_columns import required_columns
from ml_platform.models.inputs.columns import InputColumn, read_columns
from ml_platform.project import Project
from ml_platform.storage.outputs import current_output

if TYPE_CHECKING:
    import pandas as pd

_ASKER = "in_population"


def population_members(project: Project, model: str, entities: pd.DataFrame, at: datetime) -> pd.DataFrame:
    """Return for each entity whether it is in a model's population at a moment, and why not.

    Parameters
    ----------
    entities
        One row for each, with the key columns of the population's entity; other columns are not read.

    Returns
    -------
    pandas.DataFrame
        Under the index of `entities`: ``in_population``, and ``reason`` where it is not.

    Raises
    ------
    FrameError
        Where the key is missing, or something that the population reads was never made.
    PredictionError
        Where a key has another type.
    """
    spec = project.spec.models[model]
    columns = required_columns(project.spec, spec).columns
    keys = [InputColumn(key, columns[key].type) for key in project.spec.file.entities[spec.population.entity]]
    missing = [key.name for key in keys if key.name not in entities]
    if missing:
        raise FrameError(
            f"{_ASKER}: the entities lack {listed(missing)}, the key of {spec.population.entity}. Add the column."
        )
    nodes = [NodeName("source", name) for name in spec.population.sources]
    joins = joins_through(project.spec, spec, spec.population.references)
    nodes += [NodeName("feature_table", joined.table.name) for joined in joins]
    made = {str(node): current_output(project.database, node) for node in nodes}
    inputs = {node: id for node, id in made.items() if id is not None}
    return membership(project, model, inputs, read_columns(entities, keys), at)

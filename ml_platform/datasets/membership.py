"""The rule of a population for given entities at a moment: whether each is in it, and why not.

It is the rule of snapshots and batch runs, made of the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import to_micros
from ml_platform.datasets.exclusions import DEPARTED, EFFECTIVE, EXCLUSIONS, NO_MEMBERSHIP, OVER_MAX
from ml_platform.datasets.population.asking import questions_of
from ml_platform.datasets.population.limits import has_departed, in_sample, one_each, within_max
from ml_platform.datasets.population.questions import QUALIFIES
from ml_platform.declarations.population_columns import required_columns
from ml_platform.project import Project

if TYPE_CHECKING:
    import pandas as pd

NOT_ASKING, NOT_QUALIFIED, NOT_SAMPLED = "not_asking", "not_qualified", "not_sampled"
WHY_NOT: Mapping[str, str] = {
    NOT_ASKING: "nothing about it asks: no row, or none that is known by then",
    NOT_QUALIFIED: "the condition of the population does not hold",
    NO_MEMBERSHIP: "the condition of the population is null",
    NOT_SAMPLED: "it is not in the sample (population.sample)",
    DEPARTED: "it had left (population.until)",
    OVER_MAX: EXCLUSIONS[OVER_MAX],
}
"""Why an entity is not in a population, in words."""


def membership(
    project: Project, model_name: str, inputs: Mapping[str, str], entities: pd.DataFrame, at: datetime
) -> pd.DataFrame:
    """Return whether entities are in a model's population at a moment.

    A population with ``every`` is asked as of the moment itself; the draw of its sample is that of the last tick. Other
    populations are asked as of the last batch run at or before the moment.

    Parameters
    ----------
    inputs
        Ids of artifacts by node, of the sources and feature tables that the population reads.
    entities
        One row for each entity, with its key columns.

    Returns
    -------
    pandas.DataFrame
        Under the index of `entities`: ``in_population``, and ``reason`` where it is not (a key of `WHY_NOT`).
    """
    import pandas as pd

    keys = list(project.spec.file.entities[project.spec.models[model_name].population.entity])
    asked = pa.Table.from_pandas(entities[keys], preserve_index=False)
    by_entity = population_reasons(project, model_name, inputs, at, asked).to_pandas()
    reason = entities[keys].merge(by_entity, on=keys, how="left")["reason"].fillna(NOT_ASKING)
    return pd.DataFrame({"in_population": (reason == "").to_numpy(), "reason": reason.to_numpy()}, index=entities.index)


def population_reasons(
    project: Project, model_name: str, inputs: Mapping[str, str], at: datetime, entities: pa.Table | None = None
) -> pa.Table:
    """Return of each entity that something asks about at a moment why it is not in the population; "" where it is.

    Parameters
    ----------
    entities
        With the entity's key: others may be missing from the answer. None means all.

    Returns
    -------
    The key of each entity once, and ``reason``; an entity that is missing is `NOT_ASKING`.
    """
    model = project.spec.models[model_name]
    population = required_columns(project.spec, model)
    keys = list(project.spec.file.entities[model.population.entity])
    names, of_row = ([f"{population.name}.{key}" for key in some] for some in (keys, population.key))
    with project.engine() as engine:
        questions = questions_of(project, model, inputs, engine)
        rows = questions.about(None if model.population.max_rows else entities, at)
        if not questions.are_distinct:
            rows, _, _ = one_each(rows, names, of_row)
        reasons = np.full(len(rows), "", object)
        holds = rows[QUALIFIES]
        reasons[pc.fill_null(pc.invert(holds), False).to_numpy()] = NOT_QUALIFIED
        reasons[pc.is_null(holds).to_numpy()] = NO_MEMBERSHIP
        tick = pa.repeat(pa.scalar(to_micros(model.batch.last(at)), pa.int64()), len(rows))
        drawn = rows.set_column(rows.column_names.index(EFFECTIVE), EFFECTIVE, tick)
        reasons[(reasons == "") & ~in_sample(drawn, names, model.population.sample)] = NOT_SAMPLED
        reasons[(reasons == "") & has_departed(project, model, inputs, engine, rows, names)] = DEPARTED
        within = reasons == ""
        within[within] = within_max(drawn.filter(pa.array(within)), names, model.population.max_rows)
        reasons[(reasons == "") & ~within] = OVER_MAX
    return rows.select(names).rename_columns(keys).append_column("reason", pa.array(reasons, pa.string()))

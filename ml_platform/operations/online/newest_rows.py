"""The newest row of a population's source for each entity, as known at a moment."""

from __future__ import annotations

import pyarrow as pa

from ml_platform.core.engines import Engine
from ml_platform.core.expressions import parse_expression
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.population_columns import required_columns
from ml_platform.operations.online.content import PopulationNeeds
from ml_platform.project import Project
from ml_platform.sources.source_log import KNOWN, UNTIL, source_versions
from ml_platform.storage.manifest import Artifact


def newest_rows(
    project: Project,
    engine: Engine,
    model: ModelSpec,
    needs: PopulationNeeds,
    artifact: Artifact,
    instant: int,
    among: pa.Table | None = None,
) -> pa.Table:
    """Return, of the rows for which the population's condition holds, the one of each entity that became known last.

    Of several that became known together, the last by the source's key.

    Parameters
    ----------
    instant
        Microseconds since 1970 UTC: rows are as they were known then.
    among
        The keys of the entities that are asked about; None means all.

    Returns
    -------
    The needed columns by their bare names, the keys first, one row for each entity.
    """
    import ibis

    population = required_columns(project.spec, model)
    rows = source_versions(engine, project.store, artifact, population.key, f"online_{model.name}")
    if among is not None:
        rows = rows.semi_join(engine.arrow("online_entities", among), list(needs.keys))
    rows = rows.filter([rows[KNOWN] <= instant, rows[UNTIL] > instant, *(rows[key].notnull() for key in needs.keys)])
    for condition in model.population.conditions:
        rows = rows.filter(parse_expression(condition).to_ibis(rows))
    order = [ibis.desc(rows[name]) for name in (KNOWN, *population.key)]
    ranked = rows.mutate(_rank=ibis.row_number().over(ibis.window(group_by=list(needs.keys), order_by=order)))
    return engine.run(ranked.filter(ranked["_rank"] == 0).select(*needs.needed))

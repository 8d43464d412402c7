"""Building a feature table: from a source's log to the log of its features' values.

The log holds, for every entity, the features' values at each tick at which any of them
may have changed; they hold until the entity's next row. It follows from the source's
rows alone: what leaves a window after the last ingest stands there already.
"""

from __future__ import annotations

import pyarrow as pa

from ml_platform.code_version import code_version
from ml_platform.engine import Engine
from ml_platform.errors import FeatureError, ValueTooLarge
from ml_platform.features.feature_log import write_log
from ml_platform.features.source_log import source_versions
from ml_platform.features.totals import ENTITY
from ml_platform.features.values import FeatureValues
from ml_platform.identity import cache_key
from ml_platform.making import Made
from ml_platform.project import Project
from ml_platform.spec.deciding import deciding_part
from ml_platform.spec.feature_table import FeatureTableSpec


def build_feature_table(project: Project, name: str, source_id: str) -> Made:
    """Compute a feature table's log from one state of its source.

    Parameters
    ----------
    source_id
        The source artefact to compute from.

    Returns
    -------
    Made
        An artefact of kind ``feature_table``; equal source and declaration give the same one.

    Raises
    ------
    FeatureError
        Where a value is too large for exact sums.
    """
    declared = deciding_part(project.spec, "feature_table", name)
    key = cache_key("feature_table", declared, code_version("feature_table"), {"source": source_id})
    found = project.store.find("feature_table", key)
    if found is not None:
        return Made(found, reused=True)
    try:
        with project.engine() as engine:
            log = _compute(project, engine, project.spec.feature_tables[name], source_id)
    except ValueTooLarge as error:
        raise FeatureError(
            f"feature table {name}: a value is too large for exact sums: {error}. Sum in a larger unit, or leave such "
            "rows out with where."
        ) from None
    return Made(write_log(project, name, log, key, source_id), reused=False)


def _compute(project: Project, engine: Engine, spec: FeatureTableSpec, source_id: str) -> pa.Table:
    source = project.spec.sources[spec.source]
    artifact = project.store.get("source", source_id)
    rows = source_versions(engine, project.store, artifact, source.key, "source_rows")
    keys = project.spec.file.entities[spec.entity]
    replaced = bool(artifact.about["keys_repeat"])
    log = FeatureValues(engine, spec, source, keys, rows_are_replaced=replaced).log(rows)
    return engine.run(log).drop_columns([ENTITY])

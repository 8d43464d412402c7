"""How old the newest data of the model's features are."""

from __future__ import annotations

from datetime import datetime

from ml_platform.core.formatting import instant_text
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.resolve import feature_tables_of
from ml_platform.registry.measures.measure import Candidate, Measured
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest
from ml_platform.storage.outputs import current_output


def feature_age(candidate: Candidate) -> Measured:
    """Return for how many hours, at the deployment, the feature table with the oldest data has had no newer value.

    A model that reads no feature table has nothing that can be old: 0. A table without a value has no age.
    """
    project, ages = candidate.project, {}
    for table in feature_tables_of(project.spec, project.spec.models[candidate.model]):
        id = current_output(project.database, NodeName("feature_table", table))
        newest = FeatureTableManifest.of(project.store.get("feature_table", id)).newest if id else None
        if newest is None:
            return Measured(None, f"{table} has no value")
        ages[table] = datetime.fromisoformat(newest)
    if not ages:
        return Measured(0.0)
    oldest = min(ages, key=lambda table: ages[table])
    hours = max((candidate.now - ages[oldest]).total_seconds(), 0.0) / 3600
    return Measured(hours, f"the newest value of {oldest} is of {instant_text(ages[oldest])}")

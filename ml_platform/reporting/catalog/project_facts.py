"""What the catalog shows of a whole project."""

from __future__ import annotations

from datetime import datetime

from ml_platform.project import Project
from ml_platform.reporting.catalog.facts import CatalogFacts
from ml_platform.reporting.catalog.feature_tables import feature_table_facts
from ml_platform.reporting.catalog.models import model_facts, model_importances
from ml_platform.reporting.catalog.sources import source_facts


def catalog_facts(project: Project, now: datetime) -> CatalogFacts:
    """Return what the catalog shows of every source, feature table and model at an instant.

    What was never made is shown from its declaration alone. Null shares and pictures are counted once for each state
    of an artifact and kept in the store.
    """
    spec = project.spec
    importances = {name: model_importances(project, name, now) for name in spec.models}
    return CatalogFacts(
        project=spec.name,
        description=spec.file.description,
        owner=spec.file.owner,
        currency=spec.file.currency,
        now=now,
        sources=tuple(source_facts(project, name) for name in spec.sources),
        feature_tables=tuple(feature_table_facts(project, name, now, importances) for name in spec.feature_tables),
        models=tuple(model_facts(project, name, now) for name in spec.models),
    )

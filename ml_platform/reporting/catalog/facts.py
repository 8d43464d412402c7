"""The facts of a project that the catalog shows: plain values, without HTML."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ml_platform.core.plain_values import json_value
from ml_platform.reporting.catalog.feature_facts import FeatureTableFacts
from ml_platform.reporting.catalog.model_facts import ModelFacts
from ml_platform.reporting.catalog.source_facts import SourceFacts


@dataclass(frozen=True)
class CatalogFacts:
    """A whole project at an instant."""

    project: str
    description: str
    owner: str
    currency: str
    now: datetime
    sources: tuple[SourceFacts, ...]
    feature_tables: tuple[FeatureTableFacts, ...]
    models: tuple[ModelFacts, ...]

    def as_json(self) -> Any:
        """Return the facts in JSON types."""
        return json_value(asdict(self))

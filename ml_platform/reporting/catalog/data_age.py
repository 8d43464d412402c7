"""How old features can be, by what was declared and by what was measured."""

from __future__ import annotations

from datetime import timedelta

from ml_platform.core.errors import PlatformError
from ml_platform.declarations.data_age import Availability, availability_in, availability_of
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import feature_tables_of
from ml_platform.project import Project
from ml_platform.sources.measured_delay import measured_delay
from ml_platform.storage.durations import usual_duration
from ml_platform.storage.manifest import Artifact


def table_availability(project: Project, table: str, artifact: Artifact | None) -> Availability:
    """Return how old a feature table's newest data can be.

    Parameters
    ----------
    artifact
        The table as it was made; None before that, and then only the declarations are used.
    """
    source = project.spec.feature_tables[table].source
    took = [
        usual_duration(project.database, node)
        for node in (NodeName("source", source), NodeName("feature_table", table))
    ]
    run_time = sum((span for span in took if span is not None), timedelta(0)) or None
    return availability_of(project.spec, table, run_time, delay=_delay(project, source, artifact))


def _delay(project: Project, source: str, artifact: Artifact | None) -> timedelta | None:
    """Return within which delay rows became known, where no delay is declared and there are rows to measure."""
    if artifact is None or project.spec.sources[source].known_at.delay is not None:
        return None
    try:
        return measured_delay(project, source, artifact.inputs["source"])
    except PlatformError:
        return None


def model_age(spec: ProjectSpec, model: ModelSpec) -> str:
    """Return how old the newest data of a model's features can be, by the table that is worst; empty without one."""
    availabilities = [availability_in(spec, model, name) for name in feature_tables_of(spec, model)]
    ages = [age for age in availabilities if age.parts]
    return max(ages, key=lambda age: age.known_age).sentence if ages else ""

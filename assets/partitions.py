"""Daily partitions that follow the project's clock.

The days are dynamic partitions: a key for each UTC day on which the project has been in
production by its own clock. A `DailyPartitionsDefinition` would follow the wall clock, and
show a project that lives in 2013 thirteen years of missing days.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import dagster as dg

from ml_platform.operations.predictions.due import days_of_run
from ml_platform.operations.scheduling import champion_days
from ml_platform.project import Project
from ml_platform.registry.champion import first_deployed
from ml_platform_dagster.resources.dagster_private import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG


def days_of(project: Project) -> dg.DynamicPartitionsDefinition:
    """Return the definition of a project's days."""
    return dg.DynamicPartitionsDefinition(name=f"{project.spec.name}_days")


def open_days(instance: dg.DagsterInstance, project: Project, now: datetime) -> tuple[str, ...]:
    """Add the days until `now` that are not there yet, oldest first, and return all of them."""
    first = [at for model in project.spec.models if (at := first_deployed(project, model)) is not None]
    days = tuple(day.isoformat() for day in champion_days(min(first, default=None), now))
    name = f"{project.spec.name}_days"
    known = set(instance.get_dynamic_partitions(name))
    if missing := [day for day in days if day not in known]:
        instance.add_dynamic_partitions(name, missing)
    return days


def due_range(
    instance: dg.DagsterInstance, project: Project, models: Sequence[str], now: datetime
) -> Mapping[str, str]:
    """Return the tags of a run over all days that are due for any of the models; the days are opened first."""
    open_days(instance, project, now)
    days = days_of_run(project, models, now)
    return {
        ASSET_PARTITION_RANGE_START_TAG: days[0].isoformat(),
        ASSET_PARTITION_RANGE_END_TAG: days[-1].isoformat(),
    }

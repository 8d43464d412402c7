"""What online models with a limited action expect of a day: the rows that the prediction log has of the days before."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from ml_platform.core.clock import MICROSECOND
from ml_platform.models.capacity import Capacity
from ml_platform.models.predictor import load_decision
from ml_platform.models.rows_to_come import RowsToCome
from ml_platform.operations.predictions.capacity_use import rows_with_places
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.storage.online.description import PublishedCapacity


def capacities_of(project: Project, now: datetime) -> dict[str, PublishedCapacity]:
    """Return what each online model with a capacity expects of the day of `now`."""
    published = {}
    for name, model in project.spec.models.items():
        capacity = Capacity.declared(model.value)
        if capacity is not None and model.deployment.online is not None:
            version = champion(project, name, at=now)
            trained = None if version is None else project.store.get("trained_model", version.id)
            decisions = [] if trained is None else [load_decision(project, trained)]
            past = rows_with_places(project, name, pd.Series([now]), decisions)
            to_come = capacity.to_come(pd.Timestamp(capacity.moment(now)[0]), past)
            published[name] = _published(to_come)
    return published


def rows_to_come(published: PublishedCapacity) -> RowsToCome:
    """Return the rows that were published."""
    times = np.array(published.time, dtype="timedelta64[us]").astype("timedelta64[ns]")
    return RowsToCome(np.array(published.gain, dtype="float64"), times, published.days)


def _published(to_come: RowsToCome) -> PublishedCapacity:
    times = (to_come.time // np.timedelta64(MICROSECOND)).tolist()
    return PublishedCapacity(gain=to_come.gain.tolist(), time=times, days=to_come.days)

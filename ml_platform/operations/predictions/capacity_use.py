"""The places of a limited action: which are taken, and what logged rows show of the rows still to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import pandas as pd

from ml_platform.core.clock import MICROSECOND
from ml_platform.models.capacity import CAPACITY_GAIN, Capacity
from ml_platform.models.rows_to_come import LOOK_BACK_DAYS
from ml_platform.project import Project
from ml_platform.storage.prediction_log import logged_days, read_predictions

_ZONES = timedelta(days=1)
"""No day of a time zone begins or ends further from the UTC day of the same date."""


@dataclass(frozen=True)
class CapacityUse:
    """How many places of one day are taken.

    Attributes
    ----------
    day
        As ``YYYY-MM-DD``, in `zone`.
    used, most
        Rows that got the action, and how many may.
    wanted
        Rows that would have gained from it.
    """

    action: str
    day: str
    zone: str
    used: int
    most: int
    wanted: int

    @property
    def text(self) -> str:
        """The use in a sentence without its full stop.

        >>> CapacityUse("call", "2024-03-01", "UTC", 200, 200, 237).text
        '200 of 200 call used on 2024-03-01 (UTC), 37 more rows would have gained from it'
        """
        text = f"{self.used:,} of {self.most:,} {self.action} used on {self.day} ({self.zone})"
        more = self.wanted - self.used
        return f"{text}, {more:,} more rows would have gained from it" if more > 0 else text


def rows_with_places(project: Project, model: str, times: pd.Series) -> pd.DataFrame:
    """Return what the log has of the days of some batch runs and of the days that show what is still to come.

    Returns
    -------
    ``effective_time``, ``action``, `CAPACITY_GAIN`, null in rows of days on which no capacity was declared, and
    ``online``.
    """
    start = times.min().to_pydatetime() - timedelta(days=LOOK_BACK_DAYS) - 2 * _ZONES
    return _read(project, model, start, times.max().to_pydatetime() + 2 * _ZONES)


def capacity_use(project: Project, model: str, now: datetime) -> CapacityUse | None:
    """Return the use of the newest day with predictions up to `now`; None where none is declared, or none is logged."""
    capacity = Capacity.declared(project.spec.models[model].value)
    days = [logged.day for logged in logged_days(project, model) if logged.rows] if capacity else []
    if capacity is None or not days:
        return None
    first = datetime.combine(days[-1], time(), UTC)
    rows = _read(project, model, first - _ZONES - MICROSECOND, now)
    rows = rows[rows[CAPACITY_GAIN].notna()]  # others are of before the capacity was declared
    if rows.empty:
        return None
    local = capacity.days(rows["effective_time"])
    newest = rows[(local == local.max()).to_numpy()]
    used = int((newest["action"] == capacity.action).sum())
    wanted = int((newest[CAPACITY_GAIN] > 0).sum())
    return CapacityUse(capacity.action, f"{local.max():%Y-%m-%d}", capacity.zone, used, capacity.most, wanted)


def _read(project: Project, model: str, start: datetime, end: datetime) -> pd.DataFrame:
    rows = read_predictions(project, model, start, end, ["action", CAPACITY_GAIN, "online"])
    columns = ["effective_time", "action", CAPACITY_GAIN, "online"]
    return rows.reindex(columns=columns).astype({CAPACITY_GAIN: "float64"})

"""When a flight is due to leave, as people in New York see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

NEW_YORK = ZoneInfo("America/New_York")


def calendar(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the local minute of the day and the weekday (Monday is 0) of the planned departure."""
    local = rows["schedule.sched_dep"].dt.tz_convert("America/New_York")
    return pd.DataFrame({"minute": local.dt.hour * 60 + local.dt.minute, "weekday": local.dt.weekday}, index=rows.index)


def calendar_row(row: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the same of one flight, for a request: a frame of one row takes some thirty times as long."""
    planned: datetime | None = row["schedule.sched_dep"]
    if planned is None:
        return {"minute": None, "weekday": None}
    local = planned.astimezone(NEW_YORK)
    return {"minute": local.hour * 60 + local.minute, "weekday": local.weekday()}

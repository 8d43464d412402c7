"""When a flight is due to leave, as people in New York see it."""

from __future__ import annotations

import pandas as pd


def calendar(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the local minute of the day and the weekday (Monday is 0) of the planned departure."""
    local = rows["schedule.sched_dep"].dt.tz_convert("America/New_York")
    return pd.DataFrame({"minute": local.dt.hour * 60 + local.dt.minute, "weekday": local.dt.weekday}, index=rows.index)

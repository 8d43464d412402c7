"""The places of a limited action: which are taken, and what logged rows show of the rows still to come."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ml_platform.core.clock import MICROSECOND
from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing
from ml_platform.core.frames import exact_frame
from ml_platform.models.capacity import CAPACITY_GAIN, Capacity
from ml_platform.models.decision import Decision
from ml_platform.models.predictor import load_decision
from ml_platform.models.rows_to_come import LOOK_BACK_DAYS
from ml_platform.operations.predictions.logged import LoggedSegment, logged_segments
from ml_platform.project import Project
from ml_platform.storage.manifest import StoredObject
from ml_platform.storage.parquet import table_of
from ml_platform.storage.prediction_log import KIND, logged_days
from ml_platform.storage.versions import versions

_ZONES = timedelta(days=1)
"""No day of a time zone begins or ends further from the UTC day of the same date."""
_COLUMNS = ("effective_time", "prediction_id", "action", CAPACITY_GAIN, "online", "version")


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


def rows_with_places(project: Project, model: str, times: pd.Series, decisions: Collection[Decision]) -> pd.DataFrame:
    """Return what the log has of the days of some batch runs and of the days that show what is still to come.

    Parameters
    ----------
    decisions
        Those of the versions that answer now. Gains by other payoffs are not comparable with theirs.

    Returns
    -------
    ``effective_time``, ``action``, ``online`` and `CAPACITY_GAIN`. The gain is null in rows that were logged while no
    action or another one was limited, and in those of versions with other payoffs.
    """
    start = times.min().to_pydatetime() - timedelta(days=LOOK_BACK_DAYS) - 2 * _ZONES
    rows = _read(project, model, start, times.max().to_pydatetime() + 2 * _ZONES)
    alike = rows["version"].isin(_with_payoffs_of(project, model, set(rows["version"]), decisions))
    return rows.assign(**{CAPACITY_GAIN: rows[CAPACITY_GAIN].where(alike)})


def _with_payoffs_of(
    project: Project, model: str, numbers: Collection[int], decisions: Collection[Decision]
) -> Iterator[int]:
    """Yield those of some versions that have one of some decisions; one that cannot be read has none."""
    for version in versions(project, model):
        if version.number in numbers:
            try:
                decision = load_decision(project, project.store.get("trained_model", version.id))
            except (ArtifactMissing, ArtifactDamaged):  # their predictions stay, and verify reports the damage
                continue
            if decision in decisions:
                yield version.number


def capacity_use(project: Project, model: str, now: datetime) -> CapacityUse | None:
    """Return the use of the newest day with predictions up to `now`; None where none is declared, or none is logged."""
    capacity = Capacity.declared(project.spec.models[model].value)
    days = [logged.day for logged in logged_days(project, model) if logged.rows] if capacity else []
    if capacity is None or not days:
        return None
    first = datetime.combine(days[-1], time(), UTC)
    rows = _read(project, model, first - _ZONES - MICROSECOND, now)
    rows = rows[rows[CAPACITY_GAIN].notna()]  # others are of before this capacity was declared
    if rows.empty:
        return None
    local = capacity.days(rows["effective_time"])
    newest = rows[(local == local.max()).to_numpy()]
    used = int((newest["action"] == capacity.action).sum())
    wanted = int((newest[CAPACITY_GAIN] > 0).sum())
    return CapacityUse(capacity.action, f"{local.max():%Y-%m-%d}", capacity.zone, used, capacity.most, wanted)


def _read(project: Project, model: str, start: datetime, end: datetime) -> pd.DataFrame:
    """Return logged rows of batch runs in ``(start, end]``; the gain of an action that is limited no more is null."""
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    limited = Capacity.declared(project.spec.models[model].value)
    known: dict[str, str | None] = {}
    tables = [
        _gains_of(project, model, segment, limited, known)
        for logged in logged_days(project, model)
        if first <= logged.day <= last
        for segment in logged_segments(project.store.get(KIND, logged.artifact))
    ]
    if not tables:
        return pd.DataFrame({name: pd.Series(dtype=_TYPES.get(name, "object")) for name in _COLUMNS})
    rows = exact_frame(pa.concat_tables(tables, promote_options="permissive")).reindex(columns=list(_COLUMNS))
    rows = rows[(rows["effective_time"] > start) & (rows["effective_time"] <= end)]
    ordered = rows.sort_values(["effective_time", "prediction_id"], ignore_index=True)
    return ordered.astype({CAPACITY_GAIN: "float64"})


_TYPES = {"effective_time": "datetime64[us, UTC]", CAPACITY_GAIN: "float64"}


def _gains_of(
    project: Project, model: str, segment: LoggedSegment, limited: Capacity | None, known: dict[str, str | None]
) -> pa.Table:
    """Return a segment's rows, with null gains where another action was limited when it was written.

    Parameters
    ----------
    known
        The actions that were limited, by the hash of the declarations: they are read once.
    """
    content = project.store.read(segment.state.objects[segment.name])
    names = pq.read_schema(pa.BufferReader(content)).names
    rows = table_of(content, [name for name in _COLUMNS if name in names])
    if CAPACITY_GAIN not in names or segment.facts.declared is None or limited is None:
        return rows
    declared = segment.state.objects[segment.facts.declared]
    if declared.sha256 not in known:
        known[declared.sha256] = _limited_then(project, model, declared)
    if known[declared.sha256] == limited.action:
        return rows
    return rows.set_column(rows.column_names.index(CAPACITY_GAIN), CAPACITY_GAIN, pa.nulls(len(rows), pa.float64()))


def _limited_then(project: Project, model: str, declared: StoredObject) -> str | None:
    """Return the action that was limited by some declarations; None where none was, or where they cannot be read."""
    try:
        value = json.loads(project.store.read(declared))["models"][model]["value"]
    except (ArtifactMissing, ArtifactDamaged):  # the rows stay, and verify reports the damage
        return None
    return next(iter(value.get("capacity") or {}), None)

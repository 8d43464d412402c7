"""What a run would do about predictions, day by day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ml_platform.declarations.graph import Node
from ml_platform.operations.planning.context import NEVER, View
from ml_platform.operations.planning.nodes.operation import NodeOperation
from ml_platform.operations.planning.plan import Planned
from ml_platform.operations.predictions.due import days_of_run
from ml_platform.operations.predictions.score import days_id, scored_days
from ml_platform.storage.outputs import partition_instants
from ml_platform.storage.prediction_log import day_bounds

_DAY = timedelta(days=1)


class PredictionsOperation(NodeOperation):
    """What a run would do about predictions, day by day."""

    name = "predictions"

    @classmethod
    def plan(cls, view: View, node: Node) -> Planned:
        """Return what a run would do about predictions, day by day."""
        blocked = view.blocked_before(node)
        if blocked is not None:
            return blocked
        project = view.project
        days = days_of_run(project, list(project.spec.models), view.now)
        scored = {day: at for day, at in partition_instants(project.database, node.name).items() if day}
        missing = [day for day in days if day.isoformat() not in scored]
        partly = [day for day in days if day.isoformat() in scored and scored[day.isoformat()] < _end(day, view.now)]
        reasons = [_days_text(missing, "not scored")] if missing else []
        reasons += [_days_text(partly, "scored only in part")] if partly else []
        if not scored:
            return view.would_run(node, [NEVER])
        if reasons:
            return view.would_run(node, reasons)
        ids = view.input_ids(node)
        if ids is None:
            return view.may_run(node, view.unsettled(node.inputs))
        done = scored_days(project, node.subject, ids, days, view.now)
        waiting = [day for day in days if day not in done]
        if waiting:
            rescored = "scored from other sources, feature tables or version"
            return view.would_run(node, [*view.changes(node), _days_text(waiting, rescored)])
        return view.up_to_date(node, days_id([done[day].id for day in days]))


def _end(day: date, now: datetime) -> datetime:
    return min(now, day_bounds(day)[1])


def _days_text(days: list[date], what: str) -> str:
    if len(days) == 1:
        return f"the day {days[0]} is {what}"
    if days[-1] - days[0] == (len(days) - 1) * _DAY:
        return f"the days {days[0]} to {days[-1]} are {what}"
    return f"{len(days)} days from {days[0]} to {days[-1]} are {what}"

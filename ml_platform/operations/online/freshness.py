"""The check that the online store is no older than declared, and the alert where it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ml_platform.core.clock import format_duration
from ml_platform.core.errors import OnlineStoreUnavailable, listed
from ml_platform.core.formatting import counted, instant_text
from ml_platform.operations.alerts import Alert, facts_of_alerts
from ml_platform.project import Project
from ml_platform.sources.checks.results import CheckResult

if TYPE_CHECKING:
    from ml_platform.operations.online.due import TableAge

FRESHNESS = "freshness"
RULE = "The published tick of a table is at most one refresh interval older than the tick that training could read."


@dataclass(frozen=True)
class OnlineStatus:
    """Whether the online store can be read, and how old its tables are.

    Attributes
    ----------
    problem
        Why it cannot be read; None where it can.
    alerted
        Whether a person was alerted that tables are overdue, and nothing was published since.
    """

    tables: tuple[TableAge, ...] = ()
    problem: str | None = None
    alerted: bool = False

    @property
    def text(self) -> str:
        """The status in a line."""
        if self.problem is not None:
            return self.problem
        return f"{counted(len(self.tables), 'feature table')}, {self.late_text or 'none overdue'}"

    @property
    def late_text(self) -> str:
        """Which tables are overdue, and by how much."""
        late = [f"{age.table} is {age.late_by} late" for age in self.tables if age.tick is not None and age.overdue]
        late += [f"{age.table} was never published" for age in self.tables if age.tick is None]
        return self.problem or listed(late)

    @property
    def is_late(self) -> bool:
        """Whether a table is overdue, or nothing can be read."""
        return self.problem is not None or any(age.overdue for age in self.tables)


def online_status(project: Project, now: datetime) -> OnlineStatus | None:
    """Return the status of a project's online store; None where no model is online."""
    if all(model.deployment.online is None for model in project.spec.models.values()):
        return None
    from ml_platform.operations.online.due import table_ages

    try:
        key = _alert_key(project)
        return OnlineStatus(tuple(table_ages(project, now)), alerted=key in facts_of_alerts(project, key))
    except OnlineStoreUnavailable as error:
        return OnlineStatus(problem=str(error))


def freshness_check(project: Project, now: datetime) -> CheckResult:
    """Return whether each published table is at most one refresh interval older than what training could read."""
    from ml_platform.operations.online.due import table_ages

    ages = table_ages(project, now)
    late = [age for age in ages if age.overdue]
    summary = {"rule": RULE, "tables": len(ages), "overdue": len(late)}
    if late:
        summary["problem"] = "; ".join(f"{age.table}: {age.late_by}" for age in late)
    return CheckResult(FRESHNESS, not late, severity="warn", summary=summary)


def _alert_key(project: Project) -> str:
    from ml_platform.operations.online.due import published_description

    return f"online_store:{published_description(project).key}"


def overdue_alert(project: Project, now: datetime) -> Alert | None:
    """Return the alert that tables are overdue, None where none is.

    One publication brings every table up to date, so all of them are late for one cause: its key is what is published.
    It alerts once until something else is published, however many tables become overdue.
    """
    from ml_platform.operations.online.due import table_ages

    late = [(age, age.tick) for age in table_ages(project, now) if age.overdue and age.tick is not None]
    if not late:
        return None
    oldest, tick = max(late, key=lambda item: item[0].readable - item[1])
    return Alert(
        key=_alert_key(project),
        title=f"{project.spec.name}: {counted(len(late), 'feature table')} overdue in the online store",
        body=f"Online predictions read {oldest.table} as of {instant_text(tick)}. Training could read "
        f"{instant_text(oldest.readable)}: it is {oldest.late_by} late, and refreshed every "
        f"{format_duration(project.spec.feature_tables[oldest.table].refresh)}.",
        severity="ticket",
        facts={"overdue": listed(f"{age.table} ({age.late_by})" for age, _ in late)},
        next_step="Look at the runs of job publish_online_store, then run `ml-platform run`.",
    )

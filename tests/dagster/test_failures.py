"""The alert of a run that failed: one for a cause, in words, and none for what alerts by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster_shared.error import SerializableErrorInfo

from ml_platform.operations.alerts import Alert
from ml_platform.project import Project
from ml_platform_dagster.jobs.failures import failure_alert, problem_of
from tests.shop_project import open_shop

NOW = datetime(2024, 3, 1, tzinfo=UTC)
BROKEN = "sources/orders: check column_values_to_be_between_amount failed for 2 of 40 rows."
DIFFERS = "late_parcel/parity: check parity 248 of 342 rows differ. Nothing is deployed until they agree."


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_shop(tmp_path)


def alert(project: Project, job: str, *problems: str, now: datetime = NOW) -> Alert | None:
    return failure_alert(project, dg.DagsterRun(job_name=job), problems, now)


def key(sent: Alert | None) -> str:
    assert sent is not None
    return sent.key


def test_a_problem_that_stops_several_jobs_has_one_key_a_day(project: Project) -> None:
    first = key(alert(project, "score_late_parcel", BROKEN))
    assert key(alert(project, "score_lateness", BROKEN)) == first
    assert key(alert(project, "score_lateness", BROKEN, now=NOW + timedelta(days=1))) != first
    assert key(alert(project, "score_lateness", "sources/deliveries: no such file")) != first


def test_runs_without_a_message_have_the_keys_of_their_jobs(project: Project) -> None:
    assert key(alert(project, "score_late_parcel")) != key(alert(project, "score_lateness"))


def test_a_step_that_sends_an_alert_has_no_second_one(project: Project) -> None:
    assert alert(project, "retrain_late_parcel", DIFFERS) is None
    sent = alert(project, "update_everything", DIFFERS, BROKEN)
    assert sent is not None
    assert sent.body == BROKEN


def test_a_run_that_was_stopped_names_no_class_of_dagster() -> None:
    name = "DagsterExecutionInterruptedError"
    stopped = SerializableErrorInfo(f"dagster._core.errors.{name}\n", [], name)
    assert problem_of(stopped).startswith("the run was stopped before its end")

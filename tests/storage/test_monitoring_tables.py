"""What scoring and monitoring record is safe with many writers at once, on every kind of database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from ml_platform.operations.alerts import Alert, recent_alerts, send_alert
from ml_platform.operations.monitoring.drift_episodes import open_findings, update_episode
from ml_platform.project import Project
from ml_platform.sources.checks.results import CheckResult, last_recording, record_checks
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.database import Database
from ml_platform.storage.prediction_log import append_predictions, logged_days, read_predictions
from tests.shop_project import open_shop

NOW = datetime(2024, 3, 1, tzinfo=UTC)
WRITERS = 6


@pytest.fixture
def project(database: Database, tmp_path: Path) -> Project:
    """What the tables need of a project."""
    spec = open_shop(tmp_path / "shop").spec
    store = ArtifactStore(str(tmp_path / "store"), tmp_path / "cache")
    return cast(Project, SimpleNamespace(database=database, store=store, spec=spec, state=tmp_path))


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """Do the same from many threads at once."""
    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(work, range(WRITERS)))


def test_predictions_of_many_writers_are_all_there(project: Project) -> None:
    def append(hour: int) -> int:
        instant = pa.array([NOW + timedelta(hours=hour)], type=pa.timestamp("us", tz="UTC"))
        columns = {"prediction_id": [f"p{hour}"], "trained_model": ["t"]}
        rows = pa.table({**columns, "effective_time": instant})

        def fresh(logged: set[str]) -> pa.Table:
            return rows.slice(0, 0) if f"p{hour}" in logged else rows

        return append_predictions(project, "late_parcel", date(2024, 3, 1), f"k{hour}", fresh, {}, {})[1]

    assert at_once(append) == [1] * WRITERS
    actual = read_predictions(project, "late_parcel", NOW - timedelta(hours=1), NOW + timedelta(days=1))
    assert actual["prediction_id"].tolist() == [f"p{hour}" for hour in range(WRITERS)]
    assert [day.rows for day in logged_days(project, "late_parcel")] == [WRITERS]


def test_one_alert_of_many_writers_is_new(project: Project) -> None:
    alert = Alert("key", "It drifted", "A column moved.", "ticket")
    assert sorted(sent.new for sent in at_once(lambda _: send_alert(project, alert, NOW))) == [False] * 5 + [True]
    send_alert(project, replace(alert, key="other"), NOW)
    assert [alerts["key"] for alerts in recent_alerts(project)] == ["other", "key"]


def test_one_finding_of_many_writers_is_open(project: Project) -> None:
    def follow(second: int) -> str:
        episode = update_episode(project, "late_parcel", 1, "drift", NOW + timedelta(seconds=second), "a column moved")
        assert episode is not None
        return episode.id

    assert len(set(at_once(follow))) == 1
    assert len(open_findings(project)) == 1
    assert update_episode(project, "late_parcel", 1, "stable", NOW + timedelta(days=12, seconds=5), "") is None
    assert open_findings(project) == []
    assert update_episode(project, "late_parcel", 1, "drift", NOW + timedelta(days=13), "again") is not None


def test_the_last_recording_of_checks_is_the_one_that_counts(database: Database) -> None:
    record_checks(database, "sources/orders", [CheckResult("a", passed=False)], "r1", NOW)
    record_checks(database, "sources/orders", [CheckResult("a", passed=True)], "r2", NOW)
    recording = last_recording(database, "sources/orders")
    assert recording is not None
    assert (recording.run, recording.blocking, recording.at) == ("r2", (), NOW)

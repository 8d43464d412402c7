"""A finding opens once for each episode of drift, and a sensor sees it until four quiet windows end the episode."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ml_platform.declarations.in_production import Monitoring
from ml_platform.operations.monitoring.drift_episodes import Finding, open_findings, update_episode
from ml_platform.operations.monitoring.drift_result import Verdict
from ml_platform.project import Project
from ml_platform.storage.database import Database
from tests.operations.monitoring.findings import all_findings

T0 = datetime(2024, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MODELS = ("late_parcel", "lateness")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """What findings need of a project: a database, and the window of a model."""
    models = {name: SimpleNamespace(monitoring=Monitoring.model_validate({"window": "1d"})) for name in MODELS}
    database = Database(f"sqlite:///{tmp_path / 'platform.sqlite'}")
    return cast(Project, SimpleNamespace(spec=SimpleNamespace(models=models), database=database))


def follow(project: Project, verdict: Verdict, hours: float, version: int = 1, **more: Any) -> Finding | None:
    model = more.pop("model", "late_parcel")
    return update_episode(project, model, version, verdict, T0 + hours * HOUR, "2 of 8 features", more)


def test_drift_opens_one_finding_however_often_it_is_seen(project: Project) -> None:
    first = follow(project, "drift", 0, level=0.4)
    events = [follow(project, "drift", hours) for hours in range(1, 40)]
    assert first is not None
    assert {episode.id for episode in events if episode} == {first.id}
    (kept,) = open_findings(project)
    assert (kept.model, kept.version, kept.opened_at, kept.reason) == ("late_parcel", 1, T0, "2 of 8 features")
    assert (kept.facts, kept.last_seen_at) == ({"level": 0.4}, T0 + 39 * HOUR)


def test_a_stable_verdict_opens_nothing_and_four_quiet_windows_end_an_episode(project: Project) -> None:
    assert follow(project, "stable", 0) is None
    first = follow(project, "drift", 1)
    assert follow(project, "stable", 1 + 95.9) == first
    assert follow(project, "stable", 1 + 96) is None
    assert open_findings(project) == []
    (closed,) = all_findings(project, "late_parcel")
    assert (closed.closed_at, closed.closed_because) == (T0 + 97 * HOUR, "the drift is gone")


def test_drift_that_comes_and_goes_about_its_threshold_is_one_finding(project: Project) -> None:
    first = follow(project, "drift", 0)
    for hours in range(24, 1200, 24):
        events = follow(project, "drift" if hours % 72 == 0 else "stable", hours)
        assert events is not None
        assert first is not None
        assert events.id == first.id


def test_drift_that_returns_after_the_quiet_windows_is_a_new_finding(project: Project) -> None:
    first = follow(project, "drift", 0)
    follow(project, "stable", 96)
    second = follow(project, "drift", 97)
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert open_findings(project) == [second]


def test_looks_without_a_verdict_neither_open_nor_close(project: Project) -> None:
    undecided: tuple[Any, ...] = ("too few rows", "inconclusive")
    for verdict in undecided:
        assert follow(project, verdict, 0) is None
    first = follow(project, "drift", 1)
    for verdict in undecided:
        assert follow(project, verdict, 1000) == first


def test_a_new_champion_ends_the_finding_of_the_old_one(project: Project) -> None:
    follow(project, "drift", 0, version=1)
    assert follow(project, "too few rows", 1, version=2) is None
    assert all_findings(project, "late_parcel")[0].closed_because == "version 2 is champion"
    under_new = follow(project, "drift", 2, version=2)
    assert under_new is not None
    assert under_new.version == 2


def test_models_have_separate_findings(project: Project) -> None:
    one = follow(project, "drift", 0)
    other = follow(project, "drift", 0, model="lateness")
    assert open_findings(project, "lateness") == [other]
    assert {episode.id for episode in open_findings(project)} == {getattr(one, "id", 0), getattr(other, "id", 0)}


def test_the_id_follows_from_model_version_and_instant(project: Project) -> None:
    events = follow(project, "drift", 0)
    assert events is not None
    assert events.id.startswith("late_parcel.drift.1.")
    follow(project, "drift", 0, version=2)
    assert follow(project, "drift", 0) == events
    assert open_findings(project) == [events]

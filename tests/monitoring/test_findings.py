"""A finding opens once for each episode of drift, and a sensor sees it until the episode ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ml_platform.monitoring.drift import Verdict
from ml_platform.monitoring.findings import Finding, all_findings, follow_drift, open_findings
from ml_platform.project import Project
from ml_platform.spec.model import Retraining
from ml_platform.store.database import Database

T0 = datetime(2024, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """What findings need of a project: a database, and the cooldown of a model."""
    models = {
        name: SimpleNamespace(retraining=Retraining.model_validate({"cooldown": cooldown}))
        for name, cooldown in {"late_parcel": "2d", "lateness": None}.items()
    }
    database = Database(f"sqlite:///{tmp_path / 'platform.sqlite'}")
    return cast(Project, SimpleNamespace(spec=SimpleNamespace(models=models), database=database))


def follow(project: Project, verdict: Verdict, hours: float, version: int = 1, **more: Any) -> Finding | None:
    model = more.pop("model", "late_parcel")
    return follow_drift(project, model, version, verdict, T0 + hours * HOUR, "2 of 8 features", more)


def test_drift_opens_one_finding_however_often_it_is_seen(project: Project) -> None:
    first = follow(project, "drift", 0, psi=0.4)
    again = [follow(project, "drift", hours) for hours in range(1, 40)]
    assert first is not None
    assert again == [first] * 39
    assert open_findings(project) == [first]
    assert (first.model, first.version, first.opened_at, first.reason) == ("late_parcel", 1, T0, "2 of 8 features")
    assert first.facts == {"psi": 0.4}


def test_a_stable_verdict_opens_nothing_and_ends_an_episode(project: Project) -> None:
    assert follow(project, "stable", 0) is None
    follow(project, "drift", 1)
    assert follow(project, "stable", 2) is None
    assert open_findings(project) == []
    (closed,) = all_findings(project, "late_parcel")
    assert (closed.closed_at, closed.closed_because) == (T0 + 2 * HOUR, "the drift is gone")


def test_drift_that_returns_is_a_new_finding(project: Project) -> None:
    first = follow(project, "drift", 0)
    follow(project, "stable", 1)
    second = follow(project, "drift", 2)
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert open_findings(project) == [second]


def test_too_few_rows_neither_open_nor_close(project: Project) -> None:
    assert follow(project, "too few rows", 0) is None
    first = follow(project, "drift", 1)
    assert follow(project, "too few rows", 2) == first


def test_a_new_champion_ends_the_finding_of_the_old_one(project: Project) -> None:
    follow(project, "drift", 0, version=1)
    assert follow(project, "too few rows", 1, version=2) is None
    assert all_findings(project, "late_parcel")[0].closed_because == "version 2 is champion"
    under_new = follow(project, "drift", 2, version=2)
    assert under_new is not None
    assert under_new.version == 2


def test_drift_that_outlives_the_cooldown_is_found_again(project: Project) -> None:
    first = follow(project, "drift", 0)
    assert follow(project, "drift", 47.9) == first
    second = follow(project, "drift", 48)
    assert second is not None
    assert second.id != getattr(first, "id", None)
    assert [found.closed_because is None for found in all_findings(project, "late_parcel")] == [False, True]


def test_without_a_cooldown_an_episode_has_one_finding(project: Project) -> None:
    first = follow(project, "drift", 0, model="lateness")
    assert follow(project, "drift", 10_000, model="lateness") == first


def test_models_have_findings_of_their_own(project: Project) -> None:
    one = follow(project, "drift", 0)
    other = follow(project, "drift", 0, model="lateness")
    assert open_findings(project, "lateness") == [other]
    assert {found.id for found in open_findings(project)} == {getattr(one, "id", 0), getattr(other, "id", 0)}


def test_the_id_follows_from_model_version_and_instant(project: Project) -> None:
    found = follow(project, "drift", 0)
    assert found is not None
    assert found.id.startswith("late_parcel.drift.1.")
    follow(project, "stable", 0)
    assert follow(project, "drift", 0) == found
    assert open_findings(project) == [found]

"""A version of an online model is deployed only when its rows were compared, and while nothing differs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ml_platform.core.errors import ParityNotProven, ReleaseRefused
from ml_platform.declarations.in_production import Deployment
from ml_platform.models.train import train_model
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.registry.deploy import deploy
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.registry.rollback import roll_back
from ml_platform.storage.artifact_kinds.parity import DifferentValue
from tests.audit.verify.factory import EASY
from tests.models.rows import keep_snapshots, shop_project, snapshot
from tests.registry.compared import record_parity
from tests.worlds import LATE_PARCEL

NOON, HOUR = datetime(2024, 3, 1, 12, tzinfo=UTC), timedelta(hours=1)
MODEL = "late_parcel"
DIFFERENCE = DifferentValue(
    row="late_parcel.20240301.0123456789abcdef", column="courier_recent.mean_late_7d", served="0.5", recomputed="0.25"
)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """A project whose model answers requests, and whose versions may all follow each other."""
    keep_snapshots(monkeypatch, {f"s{seed}": snapshot(seed=10 * seed) for seed in range(2)})
    opened = shop_project(tmp_path, models__late_parcel=LATE_PARCEL.replace("deployment:", EASY + "deployment:"))
    return answering(opened)


def answering(project: Project) -> Project:
    declared = Deployment.model_validate({"batch": "0 * * * * UTC", "online": True})
    model = project.spec.models[MODEL].model_copy(update={"deployment": declared})
    return Project(replace(project.spec, models={**project.spec.models, MODEL: model}))


def made(project: Project, snapshot_id: str) -> tuple[str, str]:
    """Train and evaluate a version; return both ids."""
    trained, current = train_model(project, MODEL, snapshot_id).artifact, champion(project, MODEL)
    id = current.id if current else None
    return trained.id, evaluate_model(project, MODEL, trained.id, snapshot_id, id, id).artifact.id


def test_without_a_comparison_of_this_version_it_is_not_deployed(project: Project) -> None:
    first = made(project, "s0")
    with pytest.raises(ParityNotProven, match=r"was not compared yet\. Run ml-platform run"):
        deploy(project, MODEL, *first, "ada", NOON)
    record_parity(project, MODEL, train_model(project, MODEL, "s1").artifact.id, NOON)
    with pytest.raises(ReleaseRefused, match="was not compared yet"):
        deploy(project, MODEL, *first, "ada", NOON)
    record_parity(project, MODEL, first[0], NOON + HOUR)
    assert deploy(project, MODEL, *first, "ada", NOON + HOUR) is not None


def test_a_difference_stops_it_with_row_column_and_both_values_until_they_agree(project: Project) -> None:
    first = made(project, "s0")
    record_parity(project, MODEL, first[0], NOON, [DIFFERENCE])
    with pytest.raises(ParityNotProven) as refused:
        deploy(project, MODEL, *first, "ada", NOON)
    for part in (DIFFERENCE.row, DIFFERENCE.column, "0.5", "0.25", "1 of 320 rows differ"):
        assert part in str(refused.value)
    assert champion(project, MODEL) is None
    record_parity(project, MODEL, first[0], NOON + HOUR)
    assert deploy(project, MODEL, *first, "ada", NOON + HOUR) is not None


def test_a_later_difference_of_another_version_stops_it_too_and_no_rollback(project: Project) -> None:
    first = made(project, "s0")
    record_parity(project, MODEL, first[0], NOON)
    deploy(project, MODEL, *first, "ada", NOON)
    second = made(project, "s1")
    record_parity(project, MODEL, second[0], NOON + HOUR)
    record_parity(project, MODEL, first[0], NOON + 2 * HOUR, [DIFFERENCE])
    with pytest.raises(ParityNotProven, match=r"was served as 0\.5, recomputed: 0\.25"):
        deploy(project, MODEL, *second, "ada", NOON + 2 * HOUR)
    record_parity(project, MODEL, first[0], NOON + 3 * HOUR)
    assert deploy(project, MODEL, *second, "ada", NOON + 3 * HOUR) is not None  # its own comparison is older
    record_parity(project, MODEL, second[0], NOON + 4 * HOUR, [DIFFERENCE])
    assert roll_back(project, MODEL, actor="ada", reason="It differs.", now=NOON + 5 * HOUR).to_value == first[0]

"""MLflow shows a model's gain as the pages do, and says whether it is a measured effect."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ml_platform.reporting.mlflow.records import monitoring_record
from ml_platform.reporting.mlflow.runs import Record
from ml_platform.reporting.overview.worth import realized_worth
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.versions import Version
from tests.reporting.overview.test_worth import realized

NOW = datetime(2024, 3, 10, tzinfo=UTC)
GAIN = ("curves/realized_gain", "curves/realized_gain_low", "curves/realized_gain_high")


def recorded(**changed: Any) -> Record:
    facts: dict[str, Any] = {
        "model": "late",
        "at": "2024-03-10T00:00:00Z",
        "verdict": "stable",
        "reason": "none",
        "currency": "EUR",
    }
    about = MonitoringManifest(**facts, realized=realized(**changed))
    artifact = Artifact("monitoring", "m" * 64, "k", about.as_json(), {}, {})
    version = Version("late", 1, "a" * 64, "s" * 64, NOW)
    return monitoring_record(version, artifact, NOW, realized_worth(about.realized, "EUR"))


def test_an_assumed_gain_is_called_so() -> None:
    record = recorded()
    assert [record.metrics[name] for name in GAIN] == [100.0, 10.0, 190.0]
    assert "(assumed effect; 95 % interval" in record.tags["ml_platform.realized_gain"]


def test_a_measured_gain_is_that_of_the_control_group() -> None:
    effect = {"figure": 70.0, "low": 5.0, "high": 135.0, "acted": 60, "held_out": 31, "days": 8, "effective_days": 8.0}
    record = recorded(effect=effect)
    assert [record.metrics[name] for name in GAIN] == [70.0, 5.0, 135.0]
    assert "(measured effect, against 31 rows held out;" in record.tags["ml_platform.realized_gain"]

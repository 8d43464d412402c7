"""A project that reports to MLflow, and records of a version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ml_platform.declarations.project import ProjectFile, ProjectSpec
from ml_platform.project import Project
from ml_platform.reporting.mlflow.runs import Record

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)


def project_at(root: Path, mlflow: str | None = None) -> Project:
    storage = {"mlflow": mlflow} if mlflow else {}
    file = ProjectFile.model_validate(
        {
            "spec_version": 1,
            "name": "shop",
            "description": "A shop.",
            "owner": "team:shop",
            "currency": "EUR",
            "entities": {"order": ["order_id"]},
            "storage": storage,
        }
    )
    return Project(ProjectSpec(root, file, {}, {}, {}))


def trained(project: Project, key: str = "a" * 64, **more: object) -> Record:
    fields: dict[str, object] = {
        "model": "late_parcel",
        "key": key,
        "stage": "training",
        "name": "late_parcel@1",
        "started": NOW,
        "ended": NOW + timedelta(minutes=2),
        "params": {"num_leaves": "7"},
        "metrics": {"validate_auc": 0.7, "never": float("nan")},
        "tags": {"as_of": "2024-03-01"},
        "files": {"model/trees.txt": project.store.put(b"tree"), "plots/a.png": project.store.put(b"png")},
        "snapshot": "b" * 64,
    }
    return Record(**(fields | more))  # type: ignore[arg-type]


def evaluated(key: str = "a" * 64) -> Record:
    return Record("late_parcel", key, "evaluation", "late_parcel@1", NOW, NOW, metrics={"auc": 0.66})

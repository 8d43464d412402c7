"""The shop with snapshots of two days, made as the factory makes them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.outputs import record_output
from tests.worlds import NOW, write_shop


def snapshots_of_shop(directory: Path) -> tuple[Path, str, str]:
    """Return the shop's folder, and the ids of its snapshots of two days."""
    project = open_project(write_shop(directory))
    return directory, *(snapshot_of_day(project, day, "late_parcel") for day in range(2))  # type: ignore[return-value]


def snapshot_of_day(project: Project, day: int, model: str) -> str:
    """Bring the data up to date some days after `NOW`, make a snapshot of it and return its id."""
    now, run = NOW + timedelta(days=day), f"day {day}"
    ids = {name: ingest_source(project, name, now).made.artifact.id for name in ("orders", "deliveries")}
    inputs = {f"sources/{name}": id for name, id in ids.items()}
    inputs["features/courier_recent"] = build_feature_table(project, "courier_recent", ids["deliveries"]).artifact.id
    snapshot = build_snapshot(project, model, inputs, now).artifact
    for node, id in inputs.items():
        kind = "source" if node.startswith("sources/") else "feature_table"
        record_output(project.database, node, kind, id, run=run, at=now)
    record_output(project.database, f"{model}/snapshot", "snapshot", snapshot.id, run=run, at=now)
    return snapshot.id

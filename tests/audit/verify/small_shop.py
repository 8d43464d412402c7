"""A shop so small that it is made again and again: two weeks of rows, its sources and its feature table."""

from __future__ import annotations

import json
from pathlib import Path

from ml_platform.features.build import build_feature_table
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.outputs import record_output
from tests.audit.verify.factory import EASY, NOON, inputs_of
from tests.worlds import FILES, LATE_PARCEL, write_shop_data


def write_small(root: Path, database: str | None = None) -> Project:
    """Write a shop with two weeks of rows to learn from, and make its sources and feature tables."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "models/lateness.yaml").unlink()
    model = LATE_PARCEL.replace("num_iterations: 60", "num_iterations: 10").replace("deployment:", EASY + "deployment:")
    model = model.replace("train: 28d, validate: 7d, test: 14d", "train: 7d, validate: 3d, test: 14d")
    (root / "models/late_parcel.yaml").write_text(model.replace('gates: {auc: ">= 0.55"}\n', ""))
    write_shop_data(root, days=62, orders_a_day=12)
    if database is not None:
        with (root / "project.yaml").open("a") as file:
            file.write(f"storage: {{database: {json.dumps(database)}}}\n")
    project = open_project(root)
    for source in project.spec.sources:
        made = ingest_source(project, source, NOON).made.artifact
        record_output(project.database, f"sources/{source}", "source", made.id, run="r", at=NOON)
    for table, spec in project.spec.feature_tables.items():
        table_id = build_feature_table(project, table, inputs_of(project)[f"sources/{spec.source}"]).artifact.id
        record_output(project.database, f"features/{table}", "feature_table", table_id, run="r", at=NOON)
    project.database.engine.dispose()
    return project

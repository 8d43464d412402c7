"""A shop in which a model's predictions are a source of another model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.train import train_model
from ml_platform.operations.monitoring.upstream_versions import versions_in
from ml_platform.operations.predictions.score import score_days
from ml_platform.project import Project, open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import source_versions
from tests.operations.monitoring.hand_made_world import appoint
from tests.shop_project import open_shop
from tests.worlds import NOW, write_shop_data

UPSTREAM, MODEL = "lateness", "late_parcel"
EXPECTED = """\
spec_version: 1
name: expected
description: How late the model lateness expects each parcel to be.
owner: team:shop
reader: {predictions: lateness}
columns:
  order_id: string
  score: {type: float, unit: min}
"""
ORDER_EXPECTED = """\
spec_version: 1
name: order_expected
description: What was expected of an order.
owner: team:shop
entity: order
source: expected
refresh: 1h
publish_delay: 5m
features:
  minutes: {as_of: score, unit: min}
  version: {as_of: version}
  times: {count: true, windows: [7d]}
"""


def after(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def up_to_date(project: Project, now: datetime, *names: str) -> dict[str, str]:
    """Ingest sources and build the feature tables of them; return ids by node."""
    ids = {f"sources/{name}": ingest_source(project, name, now).made.artifact.id for name in names}
    for name, table in project.spec.feature_tables.items():
        if table.source in names:
            ids[f"features/{name}"] = build_feature_table(project, name, ids[f"sources/{table.source}"]).artifact.id
    return ids


def score(project: Project, now: datetime) -> None:
    """Score the upstream model's days since the deployment, as a run at `now` does."""
    days = [NOW.date() + timedelta(days=count) for count in range((now - NOW).days + 1)]
    score_days(project, UPSTREAM, up_to_date(project, now, "orders", "deliveries"), days, now)


def shop_in_use(root: Path) -> None:
    """Make the shop with lateness@1 in charge since NOW and lateness@2 for two days from then on."""
    project = open_shop(root)
    write_shop_data(root)
    (root / "sources/expected.yaml").write_text(EXPECTED)
    (root / "features/order_expected.yaml").write_text(ORDER_EXPECTED)
    declared = root / "models/late_parcel.yaml"
    text = declared.read_text().replace("placed_at + 1h", "placed_at + 3h")
    text = text.replace("train: 28d, validate: 7d, test: 14d", "train: 28d, validate: 7d, test: 1d")
    declared.write_text(text.replace("features: [", "features: [order_expected.*, "))
    project = open_project(root)
    for as_of, since in ((NOW, NOW), (NOW - timedelta(days=1), after(48))):
        ids = up_to_date(project, NOW, "orders", "deliveries")
        snapshot = build_snapshot(project, UPSTREAM, ids, as_of).artifact
        appoint(project, UPSTREAM, train_model(project, UPSTREAM, snapshot.id).artifact, since)


def edit(project: Project, file: str, old: str, new: str) -> None:
    text = (project.root / file).read_text()
    assert old in text
    (project.root / file).write_text(text.replace(old, new))


def micros(instant: Any) -> int:
    return (pd.Timestamp(instant).to_pydatetime() - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def rows_of(project: Project, now: datetime) -> Sequence[Mapping[Any, Any]]:
    """Ingest the predictions and return the rows of the log, with the times between which each was known."""
    artifact = ingest_source(project, "expected", now).made.artifact
    with project.engine() as engine:
        return engine.run(source_versions(engine, project.store, artifact, ["prediction_id"], "rows")).to_pylist()


def versions(project: Project, now: datetime) -> Any:
    return versions_in(project, "expected", ingest_source(project, "expected", now).made.artifact)

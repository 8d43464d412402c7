"""A whole small factory, run once by the core alone: every kind of artifact, two champions, a week of predictions."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.train import train_model
from ml_platform.operations.monitoring.monitor import monitor_model
from ml_platform.operations.predictions.score import score_batch
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import rivals_of
from ml_platform.registry.deploy import deploy
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.outputs import current_output, record_output
from tests.once import made_once
from tests.worlds import FILES, LATE_PARCEL, write_shop_data

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MODEL = "late_parcel"
EASY = """\
release:
  first: {do_nothing: ignore, baselines: ignore}
  changed_declaration: {champion: ignore, do_nothing: ignore}
  refresh: {champion: ignore, anchor: ignore}
"""
"""A release needs only what every rule needs: 14 test days, and more earned than by doing nothing."""
DIRTY = "deletes: items < 0\non_error: quarantine\n"
DIRTY_ROWS = "x1,courier_a,2024-02-20T10:00:00Z,12.5,many\nx2,courier_b,some day,12.5,3\n"
"""Two rows in quarantine; the first is corrected on the second day."""
DELETING_ROW = "o000001,courier_a,2024-03-01T11:00:00Z,1.0,-1\n"
PARCELS = """\
spec_version: 1
name: parcels
description: Orders with their delivery, where it is known.
owner: team:shop
reader:
  sql: >
    select o.order_id as order_id, o.placed_at as placed_at, d.minutes_late as minutes_late
    from orders o left join deliveries d on o.order_id = d.order_id
key: [order_id]
event_timestamp: placed_at
columns: {order_id: string, placed_at: timestamp, minutes_late: float}
"""


def build_factory(directory: Path) -> Project:
    """Put a factory that ran into a folder: a copy of the one that is made once in a test run."""
    made = made_once("factory", lambda folder: run_factory(folder).database.engine.dispose())
    shutil.copytree(made, directory, dirs_exist_ok=True)
    return open_project(directory)


def run_factory(directory: Path) -> Project:
    """Write a small shop and run its factory on two days, with two deployments and predictions after each."""
    for name, text in FILES.items():
        if name == "models/lateness.yaml":
            continue
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("num_iterations: 60", "num_iterations: 5"))
    model = LATE_PARCEL.replace("num_iterations: 60", "num_iterations: 5").replace('gates: {auc: ">= 0.55"}\n', "")
    (directory / "models/late_parcel.yaml").write_text(model.replace("deployment:", EASY + "deployment:"))
    write_shop_data(directory, days=66, orders_a_day=12)
    orders = directory / "data/orders.csv"
    (directory / "sources/orders.yaml").write_text(FILES["sources/orders.yaml"] + DIRTY)
    (directory / "sources/parcels.yaml").write_text(PARCELS)
    orders.write_text(orders.read_text() + DIRTY_ROWS)
    project = open_project(directory)
    for now in (NOON, NOON + DAY):
        if now != NOON:
            orders.write_text(orders.read_text().replace("many", "2") + DELETING_ROW)
        refresh(project, now)
        inputs = inputs_of(project)
        for day in (now.date(), (now - DAY).date()) if now != NOON else (now.date(),):
            predict(project, inputs, day, now + timedelta(hours=10))
        made = monitor_model(project, MODEL, inputs, now + timedelta(hours=11)).artifact
        _record(project, f"{MODEL}/monitoring", "monitoring", made.id, now)
    return project


def refresh(project: Project, now: datetime) -> None:
    """Ingest, build, train, evaluate and deploy as of an instant."""
    for source in project.spec.sources:
        _record(project, f"sources/{source}", "source", ingest_source(project, source, now).made.artifact.id, now)
    for table, spec in project.spec.feature_tables.items():
        made = build_feature_table(project, table, inputs_of(project)[f"sources/{spec.source}"])
        _record(project, f"features/{table}", "feature_table", made.artifact.id, now)
    snapshot = build_snapshot(project, MODEL, inputs_of(project), now).artifact
    _record(project, f"{MODEL}/snapshot", "snapshot", snapshot.id, now)
    trained = train_model(project, MODEL, snapshot.id).artifact
    _record(project, f"{MODEL}/trained_model", "trained_model", trained.id, now)
    rivals = rivals_of(project, MODEL, trained.id)
    made = evaluate_model(project, MODEL, trained.id, snapshot.id, rivals.champion, rivals.anchor)
    evaluation = made.artifact
    _record(project, f"{MODEL}/evaluation", "evaluation", evaluation.id, now)
    deploy(project, MODEL, trained.id, evaluation.id, "ada@shop.example", now)
    _record(project, f"{MODEL}/deployment", "deployment", trained.id, now)


def predict(project: Project, inputs: dict[str, str], day: date, now: datetime) -> None:
    """Score a day up to an instant."""
    score_batch(project, MODEL, inputs, day, now)


def copy_factory(made: Project, directory: Path) -> Project:
    """Return a copy of a factory that a test may damage."""
    made.database.engine.dispose()
    shutil.copytree(made.root, directory, dirs_exist_ok=True)
    return open_project(directory)


def inputs_of(project: Project) -> dict[str, str]:
    """Return the ids of sources and feature tables as they were made last."""
    nodes = [f"sources/{name}" for name in project.spec.sources]
    nodes += [f"features/{name}" for name in project.spec.feature_tables]
    outputs = {node: current_output(project.database, node) for node in nodes}
    return {node: id for node, id in outputs.items() if id is not None}


def _record(project: Project, node: str, kind: str, id: str, now: datetime) -> None:
    record_output(project.database, node, kind, id, run="r", at=now)

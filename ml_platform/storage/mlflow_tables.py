"""What the project's own database keeps of MLflow: the run of each version, and the records that wait for delivery."""

from __future__ import annotations

import sqlalchemy as sa

from ml_platform.storage.tables import METADATA, PERSONAL

RUNS = sa.Table(
    "mlflow_runs",
    METADATA,
    sa.Column("model", sa.String(64), primary_key=True),
    sa.Column("trained_id", sa.String(64), primary_key=True),
    sa.Column("experiment_id", sa.String(64), nullable=False),
    sa.Column("run_id", sa.String(64), nullable=False),
)

OUTBOX = sa.Table(
    "mlflow_outbox",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("record", sa.Text, nullable=False, info=PERSONAL),
    sqlite_autoincrement=True,
)

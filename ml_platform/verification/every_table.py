"""Every module that declares a table, imported, so that verifying leaves no table out."""

from __future__ import annotations

import ml_platform.checks
import ml_platform.features.cell_index
import ml_platform.features.ingests
import ml_platform.features.suppressed
import ml_platform.monitoring.alerts
import ml_platform.monitoring.findings
import ml_platform.prediction_log
import ml_platform.reproduction.history
import ml_platform.retention.marks
import ml_platform.store.declared
import ml_platform.store.durations
import ml_platform.store.ledger
import ml_platform.store.manifest_index
import ml_platform.store.mlflow_tables
import ml_platform.store.outputs
import ml_platform.store.refs
import ml_platform.store.removals
import ml_platform.store.row_log
import ml_platform.store.simulated_clock
import ml_platform.store.successors
import ml_platform.versions  # noqa: F401

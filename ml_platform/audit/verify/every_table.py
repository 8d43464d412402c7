"""Every module that declares a table, imported, so that verifying leaves no table out."""

from __future__ import annotations

import ml_platform.audit.reproduce.history
import ml_platform.features.tile_index
import ml_platform.operations.alerts
import ml_platform.operations.monitoring.drift_episodes
import ml_platform.sources.checks.results
import ml_platform.sources.ingest_history
import ml_platform.sources.suppression_list
import ml_platform.storage.durations
import ml_platform.storage.erasure_marks
import ml_platform.storage.failures
import ml_platform.storage.last_declarations
import ml_platform.storage.ledger.lines
import ml_platform.storage.manifest_index
import ml_platform.storage.mlflow_tables
import ml_platform.storage.outputs
import ml_platform.storage.prediction_log
import ml_platform.storage.redirects
import ml_platform.storage.refs
import ml_platform.storage.removals
import ml_platform.storage.row_log
import ml_platform.storage.simulated_clock
import ml_platform.storage.versions  # noqa: F401

"""Which gates of a model an evaluation judges, and which ones are measured when a version is deployed."""

from __future__ import annotations

from collections.abc import Mapping

from ml_platform.declarations.gate import Gate
from ml_platform.declarations.model import ModelSpec

MONOTONE = "monotone_violations"
"""The figure of a model with monotone columns: probes in which a prediction moves against its declared direction."""
LATENCY, MEMORY, TRAINING = "latency_ms", "memory_mb", "training_seconds"
FEATURE_AGE, ENVIRONMENT = "feature_age_hours", "environment_differences"
MEASURED = frozenset({LATENCY, MEMORY, TRAINING, FEATURE_AGE, ENVIRONMENT})
"""Figures that depend on the machine or the moment. They are recorded with the deployment, not in an evaluation."""


def has_monotone(model: ModelSpec) -> bool:
    """Return whether an algorithm that may become the model has monotone columns."""
    others = model.baselines if model.choose is not None else ()
    return any(algorithm.monotone for algorithm in (model.algorithm, *others))


def evaluated_gates(model: ModelSpec) -> Mapping[str, Gate]:
    """Return the gates of an evaluation; a declared direction is one, and no probe may break it."""
    held = {MONOTONE: Gate(operator="<=", limit=0.0)} if has_monotone(model) else {}
    return held | {name: gate for name, gate in model.gates.items() if name not in MEASURED}


def measured_gates(model: ModelSpec) -> Mapping[str, Gate]:
    """Return the gates that are measured when a version is deployed."""
    return {name: gate for name, gate in model.gates.items() if name in MEASURED}

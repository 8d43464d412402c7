"""Every measure by the name of its figure."""

from __future__ import annotations

from collections.abc import Mapping

from ml_platform.declarations.gates import ENVIRONMENT, FEATURE_AGE, LATENCY, MEMORY, TRAINING
from ml_platform.registry.measures.environment import environment_differences
from ml_platform.registry.measures.feature_age import feature_age
from ml_platform.registry.measures.latency import latency
from ml_platform.registry.measures.measure import Measure
from ml_platform.registry.measures.memory import memory
from ml_platform.registry.measures.training import training

MEASURES: Mapping[str, Measure] = {
    LATENCY: latency,
    MEMORY: memory,
    TRAINING: training,
    FEATURE_AGE: feature_age,
    ENVIRONMENT: environment_differences,
}

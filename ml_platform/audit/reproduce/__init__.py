"""Reproduction: a version is retrained from its manifest, and its fitted state is compared."""

from ml_platform.audit.reproduce.history import ReproductionRun, attempts, keep_attempt, version_to_reproduce
from ml_platform.audit.reproduce.reproducer import Reproduction, reproduce

__all__ = [
    "Reproduction",
    "ReproductionRun",
    "attempts",
    "history",
    "keep_attempt",
    "reproduce",
    "version_to_reproduce",
]

"""Reproduction: a version trained again from its manifest, and its fitted state compared."""

from ml_platform.audit.reproduce.history import Attempt, attempts, keep_attempt, version_to_reproduce
from ml_platform.audit.reproduce.reproducer import Reproduction, reproduce

__all__ = ["Attempt", "Reproduction", "attempts", "history", "keep_attempt", "reproduce", "version_to_reproduce"]

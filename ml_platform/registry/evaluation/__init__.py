"""Metrics, value, intervals, gates."""

__all__ = ["basis", "evaluate", "intervals", "key", "metrics", "reasons", "release_rules"]

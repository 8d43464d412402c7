"""Metrics, value, intervals, gates."""

__all__ = ["basis", "evaluate", "intervals", "metrics", "reasons", "release_rules"]

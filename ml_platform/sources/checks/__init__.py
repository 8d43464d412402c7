"""Expectations about rows, held against them, and their results."""

__all__ = ["batched", "freshness", "results", "run"]

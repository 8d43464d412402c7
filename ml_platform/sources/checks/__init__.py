"""Checks of the rows of a source: expectations, freshness, and their recorded results."""

__all__ = ["batched", "freshness", "results", "run"]

"""Batch predictions: which rows are scored, when, and with which version."""

__all__ = ["due", "missed", "rows", "score"]

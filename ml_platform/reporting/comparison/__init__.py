"""Versions and experiments side by side: declarations, metrics, money on the same rows, and actions that differ."""

__all__ = ["compare", "comparison", "many", "runs"]

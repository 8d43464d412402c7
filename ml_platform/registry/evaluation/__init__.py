"""Metrics, value, intervals, gates."""

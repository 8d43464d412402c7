"""Checks of declarations against each other. Checks of rows are in `ml_platform.sources.checks`."""

__all__ = ["check", "notes", "problems"]

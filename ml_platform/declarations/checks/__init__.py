"""Checks of all declarations against each other."""

__all__ = ["check", "notes"]

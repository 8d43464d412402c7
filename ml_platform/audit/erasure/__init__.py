"""Erasing one person's data: whom, from what, what is left, and what can no longer be proved."""

__all__ = ["data_subject", "erase", "plan"]

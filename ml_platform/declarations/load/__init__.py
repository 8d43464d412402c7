"""A project's folder to its declarations, or to all of their faults at once."""

__all__ = ["load", "revision", "schema"]

"""Retention: what may be removed, what must stay, and whose rows are erased."""

__all__ = ["plan", "reachability", "remove"]

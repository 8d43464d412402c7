"""Derived sources: the log of a query over the logs of other sources."""

__all__ = ("derive", "inputs")

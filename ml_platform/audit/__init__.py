"""Answers for the past: explain, reproduce, verify, retention, erasure."""

__all__ = ["erasure", "explain", "reproduce", "retention", "verify"]

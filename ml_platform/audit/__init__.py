"""Answers for the past: explain, reproduce, verify, retention, erasure."""

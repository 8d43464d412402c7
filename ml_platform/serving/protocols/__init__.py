"""Protocols that existing clients speak: each reads rows from a body of its own, and writes answers as it says."""

__all__ = ["mlflow_scoring", "open_inference"]

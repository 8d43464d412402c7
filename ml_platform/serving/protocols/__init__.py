"""Protocols of existing clients: each reads rows from a body of its own, and writes answers in its own format."""

__all__ = ["mlflow_scoring", "open_inference"]

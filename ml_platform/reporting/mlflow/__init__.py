"""What MLflow is told."""

__all__ = ["client", "outbox", "records", "runs"]

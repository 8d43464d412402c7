"""What the platform logs to MLflow."""

__all__ = ["client", "outbox", "records", "runs"]

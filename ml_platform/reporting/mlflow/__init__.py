"""What the platform logs to MLflow."""

__all__ = ["client", "experiment_runs", "link_answers", "outbox", "page_links", "records", "runs"]

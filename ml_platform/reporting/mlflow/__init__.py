"""What the platform logs to MLflow."""

__all__ = ["client", "link_answers", "outbox", "page_links", "records", "runs"]

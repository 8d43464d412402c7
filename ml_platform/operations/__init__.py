"""What runs every day: predictions, monitoring, planning, alerts."""

__all__ = ["alerts", "monitoring", "planning", "predictions", "versions"]

"""What runs every day: predictions, monitoring, planning, alerts."""

__all__ = [
    "alerts",
    "experiments",
    "feature_points",
    "last_reading",
    "monitoring",
    "new_project",
    "online",
    "parity",
    "planning",
    "predictions",
    "rollout",
    "scheduling",
    "versions",
]

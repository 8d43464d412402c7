"""What runs every day: predictions, monitoring, planning, alerts."""

__all__ = [
    "alerts",
    "experiments",
    "feature_points",
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

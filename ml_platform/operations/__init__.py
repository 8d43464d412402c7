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
    "population_members",
    "predictions",
    "rollout",
    "scheduling",
    "versions",
]

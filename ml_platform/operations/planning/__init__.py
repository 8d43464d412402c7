"""What running a project would do, why, and about how long it would take. Nothing is read or computed for it."""

__all__ = [
    "changes",
    "context",
    "data_look",
    "declaration_diff",
    "nodes",
    "plan",
    "planner",
    "trained_model_there",
]

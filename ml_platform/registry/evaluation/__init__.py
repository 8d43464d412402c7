"""Evaluation on test rows: metrics, money with its intervals, gates, and the release rule."""

__all__ = [
    "basis",
    "behavior",
    "candidates",
    "clusters",
    "evaluate",
    "figures",
    "intervals",
    "key",
    "metrics",
    "paired",
    "persistence",
    "reasons",
    "release_rules",
    "scored_rows",
]

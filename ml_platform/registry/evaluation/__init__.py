"""Evaluation on test rows: metrics, money with its intervals, gates, and the release rule."""

__all__ = [
    "basis",
    "behavior",
    "candidates",
    "clusters",
    "evaluate",
    "figures",
    "interval_notes",
    "intervals",
    "key",
    "metrics",
    "paired",
    "persistence",
    "reasons",
    "release_rules",
    "scored_rows",
]

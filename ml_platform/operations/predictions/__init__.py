"""Predictions: which rows a batch run scores, when and with which version, and the records of those made online."""

__all__ = [
    "capacity_use",
    "compact_online",
    "due",
    "file_in_parts",
    "logged",
    "missed",
    "online_log",
    "prediction_targets",
    "recompute_features",
    "rows",
    "score",
    "sent_rows",
    "taken_actions",
]

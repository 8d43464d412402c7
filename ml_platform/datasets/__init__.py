"""Frames, labels and snapshots, and the search for leakage in them."""

__all__ = [
    "feature_columns",
    "frame",
    "labels",
    "leakage",
    "left_out",
    "membership",
    "model_frame",
    "population",
    "snapshot",
]

"""Frames, labels and snapshots, and the search for leakage in them."""

__all__ = [
    "exclusions",
    "feature_columns",
    "frame",
    "labels",
    "leakage",
    "membership",
    "model_frame",
    "population",
    "snapshot",
]

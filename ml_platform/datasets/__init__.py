"""Frames, labels and snapshots, and the search for leakage in them."""

__all__ = ["frame", "labels", "leakage", "left_out", "membership", "model_frame", "population", "snapshot"]

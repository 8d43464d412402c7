"""Frames, labels and snapshots, and the search for leakage in them."""

"""Ingest, feature tables, and values as they were known."""

__all__ = [
    "aggregates",
    "build",
    "checks",
    "point_in_time",
    "sample",
    "tile_index",
    "tiles",
    "visibility",
    "window_values",
]

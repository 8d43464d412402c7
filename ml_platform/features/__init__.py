"""Feature tables: cells of aggregated rows, and the values that could be read from them at any instant."""

__all__ = [
    "aggregates",
    "build",
    "changed_entities",
    "checks",
    "known_entities",
    "point_in_time",
    "sample",
    "tile_index",
    "tiles",
    "visibility",
    "window_values",
]

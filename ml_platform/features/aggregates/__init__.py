"""The parts of features over rows, cells and windows; the declaration of an aggregate defines what it is."""

__all__ = ["answers", "partials", "value_counts"]

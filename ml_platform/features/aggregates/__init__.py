"""The parts of features over rows, cells and windows; what an aggregate is stands in its declaration."""

__all__ = ["answers", "partials", "value_counts"]

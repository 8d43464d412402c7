"""What a feature computes over the rows in its window."""

__all__ = ["partials"]

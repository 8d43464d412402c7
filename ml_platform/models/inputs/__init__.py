"""What estimators see: columns, transforms, the matrix, labels."""

__all__ = ["columns", "labels", "matrix", "monotone", "preprocessing", "row", "transforms"]

"""One module for each way to read raw rows."""

__all__ = ["dispatch", "postgres", "predictions"]

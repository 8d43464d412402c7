"""The search for parameters of a model's algorithm, on periods before the test period."""

__all__ = ["apply", "search", "trial", "tune"]

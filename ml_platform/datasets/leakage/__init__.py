"""Features that predict what could not have been known: checks of every snapshot before a model is trained on it."""

__all__ = ["check", "find_leaks"]

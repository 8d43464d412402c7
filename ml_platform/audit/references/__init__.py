"""What refers to what in the store: the roots that are in use, and all that they reach."""

__all__ = ["links", "roots"]

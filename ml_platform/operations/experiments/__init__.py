"""Experiments: a changed project is tried on what production has stored, and cannot change production."""

__all__ = ["declared_keys", "evaluate_changes", "launch", "listing", "promotion", "rows", "space", "studies", "words"]

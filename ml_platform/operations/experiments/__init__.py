"""Experiments: a changed project is tried on what production has stored, and cannot change production."""

__all__ = ["declared_keys", "launch", "listing", "promotion", "rows", "space", "words"]

"""Reproduction: a version is retrained from its manifest, and its fitted state is compared."""

__all__ = ["history", "reproducer"]

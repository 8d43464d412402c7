"""Rollouts: what workers count of a candidate, what it earned beside the champion, and what follows from both."""

__all__ = ["advance", "counts", "ending", "judge", "money"]

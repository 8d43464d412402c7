"""Versions that wait for a person, or were not deployed: what is said of them."""

__all__ = ["not_deployed", "pending"]

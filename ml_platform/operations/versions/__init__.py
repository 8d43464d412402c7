"""Versions that wait for a person, or were not deployed: the texts about them."""

__all__ = ["not_deployed", "pending"]

"""Features that know what nobody could have known: checks of every snapshot before anything is trained on it."""

__all__ = ["check"]

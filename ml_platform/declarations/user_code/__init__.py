"""A project's own Python: found, read without running it, imported under private names, versioned."""

__all__ = ["load", "locate", "version"]

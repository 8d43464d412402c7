"""The guard of the web servers that ``ml-platform up`` starts, and the policies of the pages they show."""

__all__ = ["access", "guard", "policies"]

"""Pictures and pages for people."""

__all__ = ["pictures"]

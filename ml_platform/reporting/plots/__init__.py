"""Pictures and pages for people."""

__all__ = ["pictures", "small_pictures"]

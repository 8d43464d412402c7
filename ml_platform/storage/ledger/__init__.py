"""The ledger: hash-chained lines, and their anchors."""

__all__ = ["anchors", "lines"]

"""Holding everything that is stored against its hash, and the ledger against its anchors."""

__all__ = ["findings", "verify"]

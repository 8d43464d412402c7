"""What the online store holds, how it is published, and how a model's row is looked up in it."""

__all__ = ["capacities", "content", "due", "freshness", "lookup", "newest_rows", "populations", "publish"]

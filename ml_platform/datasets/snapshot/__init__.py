"""Snapshots: immutable training frames, with point-in-time features, settled labels and a split in time.

A snapshot is a list of day chunks, which snapshots of other days share. Its id follows
from what is in them and from its boundaries, so the same rows always have the same id.
"""

__all__ = ["boundaries", "build", "diff", "find", "id", "lineage", "read"]

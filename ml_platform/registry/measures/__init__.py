"""What a gate measures when a version is about to be deployed, one file for each figure."""

__all__ = ["all_measures", "measure"]

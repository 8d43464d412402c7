"""The command line."""

__all__ = ["dagster_home", "exit"]

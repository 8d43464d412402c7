"""A new project from a file of rows: look at the file, choose, write declarations that validate and run."""

__all__ = ["choices", "files", "table"]

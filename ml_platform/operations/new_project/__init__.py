"""A new project from a file or a table of rows: look at it, choose, write declarations that validate and run."""

__all__ = ["choices", "database_table", "files", "table"]

"""A new project from a file or a table of rows: look at it, choose, write declarations that validate and run."""

__all__ = ["choices", "csv_file", "database_table", "files", "made_rows", "table", "table_in_file"]

"""What readers share: the class that they extend, and reading files, cells and tables.

Only `reader`, `table_or_query`, `columns` and `extras` are light: the others import Arrow, and readers import them
inside methods.
"""

__all__ = [
    "columns",
    "csv_cells",
    "error_text",
    "extras",
    "file_parts",
    "open_file",
    "pandas_columns",
    "reader",
    "table_or_query",
]

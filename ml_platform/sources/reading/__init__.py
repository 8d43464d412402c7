"""What readers share: the class that they extend, and reading files, cells and tables.

Of these `batch`, `reader`, `table_or_query`, `warehouse`, `columns`, `error_text` and `extras` are light. The others
import Arrow, and readers import them inside methods.
"""

__all__ = [
    "batch",
    "columns",
    "csv_cells",
    "error_text",
    "extras",
    "file_parts",
    "open_file",
    "pandas_columns",
    "reader",
    "table_or_query",
    "warehouse",
]

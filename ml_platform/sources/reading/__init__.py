"""What readers share: the class that they extend, and reading files, cells and tables.

Of these `batch`, `reader`, `table_or_query`, `warehouse`, `columns`, `csv_dialect`, `error_text`, `extras`,
`path_columns`, `postgres_driver` and `source_columns` are light. The others import Arrow, and readers import them
inside methods.
"""

__all__ = [
    "batch",
    "columns",
    "csv_blocks",
    "csv_cells",
    "csv_dialect",
    "csv_rows",
    "error_text",
    "extras",
    "file_parts",
    "growing_files",
    "open_file",
    "pandas_columns",
    "parquet_rows",
    "path_columns",
    "postgres_driver",
    "reader",
    "source_columns",
    "table_or_query",
    "warehouse",
]

"""Ingest: readers, checks, and the log of every source."""

__all__ = [
    "arrivals",
    "change_detection",
    "checks",
    "clock_check",
    "conform",
    "dirty_rows",
    "empty_log",
    "ingest",
    "ingest_history",
    "ingested",
    "key_index",
    "log_writer",
    "measured_delay",
    "quarantine",
    "quarantine_check",
    "reading",
    "rows_file",
    "source_log",
    "suppression_list",
    "upstream",
]

"""The base of all packages: errors, hashing, time, expressions, engines. It knows nothing of models."""

__all__ = [
    "canonical_order",
    "clock",
    "confinement",
    "engines",
    "errors",
    "expressions",
    "formatting",
    "frames",
    "hashing",
    "page_file",
    "plain_values",
    "private_files",
    "secrets",
    "statistics",
    "terminal_table",
    "terminal_text",
    "timestamp_formats",
    "variants",
    "web",
    "yaml_text",
]

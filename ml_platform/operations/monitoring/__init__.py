"""Monitoring of the champion: drift and its findings, realized value, nulls that training did not have, reports."""

__all__ = [
    "column_range",
    "drift_counts",
    "drift_episodes",
    "label_versions",
    "monitor",
    "realized_value",
    "reference",
    "report_page",
    "unlearned",
    "upstream_versions",
]

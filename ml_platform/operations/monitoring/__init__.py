"""Checks, drift, realized value, findings, alerts."""

__all__ = ["drift_episodes", "monitor", "realized_value", "reference", "report_page", "unlearned", "upstream_versions"]

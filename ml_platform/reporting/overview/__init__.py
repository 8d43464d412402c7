"""A model at a glance: worth, health, versions, what comes next. Every page takes these facts from here."""

__all__ = [
    "attention",
    "backtest_lines",
    "digest",
    "drift_columns",
    "feature_preview",
    "label_preview",
    "model_overview",
    "next_runs",
    "slice_lines",
    "version_history",
    "worth",
]

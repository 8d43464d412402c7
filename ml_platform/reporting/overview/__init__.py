"""A model at a glance: worth, health, versions, what comes next. Every page takes these facts from here."""

__all__ = [
    "ablation_lines",
    "attention",
    "backtest_lines",
    "complexity",
    "digest",
    "drift_columns",
    "feature_preview",
    "label_preview",
    "model_overview",
    "next_runs",
    "node_record",
    "simplest",
    "slice_lines",
    "version_history",
    "worth",
]

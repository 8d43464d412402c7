"""One column of a monitoring, as its manifest holds it."""

from ml_platform.storage.artifact_kinds.monitoring import ColumnFigures


def drift_column(column: str, verdict: str, **changed: object) -> ColumnFigures:
    """Return a column whose share of missing values moved from 2 % to 16.4 %, with other figures where given."""
    figures = {"what": "missing", "by_growth": False, "expected": 0.02, "threshold": 0.05, "mean": 0.164}
    words = {"smallest_visible": "missing 2.0% -> 7.0%", "note": "", "role": "feature", "moved": ""}
    rows = {"reference_days": 60, "current_rows": 1234, "reference_missing": 0.02, "current_missing": 0.164}
    moved = {"column": column, "verdict": verdict, "drifted": verdict == "drifted", "ratio": 2.9}
    return ColumnFigures.model_validate(moved | figures | words | rows | changed)

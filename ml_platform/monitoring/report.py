"""The drift report that people read: Evidently's page over a bounded, seeded sample.

The figures that decide are our own; the page shows the same index, in Evidently's bins, at the same limits.
The library is imported here only (some 7 to 12 s), and its warnings stay here.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

MAX_ROWS = 2_000
MAX_COLUMNS = 30
_SEED = 0


def drift_report(
    reference: pd.DataFrame, current: pd.DataFrame, limits: Mapping[str, float], drifted_columns: int = 1
) -> str | None:
    """Return a page that sets the columns of now beside those of the reference.

    Parameters
    ----------
    limits
        For each column the population stability index from which it counts as drifted, the most interesting column
        first; at most 30 are shown, over at most 2,000 seeded rows of each frame.
    drifted_columns
        How many drifted columns make the page say that the whole has drifted.

    Returns
    -------
    One self-contained HTML page; None where no column has a value on both sides.
    """
    shown = [name for name in limits if reference[name].notna().any() and current[name].notna().any()][:MAX_COLUMNS]
    if not shown:
        return None
    numeric = [name for name in shown if _is_number(reference[name]) and _is_number(current[name])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, now = _sample(reference[shown], numeric), _sample(current[shown], numeric)
        return _render(before, now, numeric, limits, drifted_columns / len(shown))


def _render(
    reference: pd.DataFrame, current: pd.DataFrame, numeric: Sequence[str], limits: Mapping[str, float], share: float
) -> str:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    categorical = [name for name in reference.columns if name not in numeric]
    definition = DataDefinition(numerical_columns=list(numeric), categorical_columns=categorical)
    own = {name: limits[name] for name in reference.columns}
    report = Report([DataDriftPreset(method="psi", per_column_threshold=own, drift_share=min(share, 1.0))])
    snapshot = report.run(
        Dataset.from_pandas(current, data_definition=definition),
        Dataset.from_pandas(reference, data_definition=definition),
    )
    return str(snapshot.get_html_str(as_iframe=False))


def _sample(frame: pd.DataFrame, numeric: Sequence[str]) -> pd.DataFrame:
    """Return at most `MAX_ROWS` rows, the same ones every time, as numbers and texts."""
    chosen = frame.sample(n=MAX_ROWS, random_state=_SEED) if len(frame) > MAX_ROWS else frame
    return pd.DataFrame(
        {
            name: values.astype("float64") if name in numeric else values.astype(object).map(_text)
            for name, values in chosen.items()
        }
    )


def _text(value: Any) -> str:
    return "missing" if pd.isna(value) else str(value)


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)

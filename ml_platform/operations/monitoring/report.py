"""The drift report that people read: our verdicts, and Evidently's page of distributions over a bounded sample.

The page gives no verdict of its own: verdicts of another test beside ours would
contradict them. The library is imported here only (some 7 to 12 s), and its warnings stay
here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pandas as pd
from markupsafe import Markup

from ml_platform.operations.monitoring.drift_result import ColumnDrift, DriftResult
from ml_platform.operations.monitoring.report_page import harden

MAX_ROWS = 2_000
MAX_COLUMNS = 20
_SEED = 0
_BODY = "<body>"
_HEADINGS = (
    "column",
    "verdict",
    "what moved furthest",
    "expected",
    "now",
    "moves by itself",
    "smallest visible change",
)


def drift_report(reference: pd.DataFrame, current: pd.DataFrame, result: DriftResult) -> str | None:
    """Return a page with the verdict on each column, and its distribution in the reference and in the current window.

    Parameters
    ----------
    reference, current
        Rows with the columns of the result.
    result
        At most 20 columns are drawn, the first ones that have values, over at most 2,000 seeded rows of each frame.

    Returns
    -------
    One self-contained HTML page, in which no value of the data can run as script; None where no column has a value on
    both sides.

    Raises
    ------
    ReportNotSafe
    """
    names = [column.column for column in result.columns]
    shown = [name for name in names if reference[name].notna().any() and current[name].notna().any()][:MAX_COLUMNS]
    if not shown:
        return None
    numeric = [name for name in shown if _is_number(reference[name]) and _is_number(current[name])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, now = _sample(reference[shown], numeric), _sample(current[shown], numeric)
        page = _render(before, now, numeric)
    return page.replace(_BODY, _BODY + verdict_table(result), 1)


def verdict_table(result: DriftResult) -> str:
    """Return the verdicts as HTML; every text is escaped."""
    cell = Markup('<td style="padding: 2px 12px 2px 0">{}</td>').format
    lines = [Markup("<tr>{}</tr>").format(Markup("").join(map(cell, _cells(column)))) for column in result.columns]
    head = Markup("<tr>{}</tr>").format(Markup("").join(map(cell, _HEADINGS)))
    title = Markup("<h2>{}</h2><p>{}, over {} predictions</p>").format(
        result.verdict, result.reason, f"{result.rows:,}"
    )
    table = Markup("<table>{}{}</table>").format(head, Markup("").join(lines))
    style = "font: 14px sans-serif; padding: 16px; overflow-x: auto"
    return str(Markup('<section style="{}">{}{}</section>').format(style, title, table))


def _cells(column: ColumnDrift) -> tuple[str, ...]:
    threshold = "" if column.threshold is None else f"{column.threshold:.3f}"
    verdict = f"{column.verdict}: {column.note}" if column.note else column.verdict
    if column.verdict == "too few rows":  # nothing was compared: zeros would look like figures
        return (column.column, verdict, *[""] * (len(_HEADINGS) - 2))
    figures = (f"{column.expected:.3f}", f"{column.mean:.3f}", threshold)
    return (column.column, verdict, column.what, *figures, column.smallest_visible)


def _render(reference: pd.DataFrame, current: pd.DataFrame, numeric: Sequence[str]) -> str:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import ValueStats

    categorical = [name for name in reference.columns if name not in numeric]
    definition = DataDefinition(numerical_columns=list(numeric), categorical_columns=categorical)
    report = Report([ValueStats(column=name) for name in reference.columns])
    with _each_column_drawn_once():
        snapshot = report.run(
            Dataset.from_pandas(current, data_definition=definition),
            Dataset.from_pandas(reference, data_definition=definition),
        )
    return harden(str(snapshot.get_html_str(as_iframe=False)))


@contextmanager
def _each_column_drawn_once() -> Iterator[None]:
    """Let Evidently draw the distribution of a column once: it draws one for each of its figures, and shows one."""
    from evidently.metrics import column_statistics

    draw, drawn = column_statistics.distribution, dict[str, Any]()

    def once(title: str, current: Any, reference: Any) -> Any:
        name = str(current.data.name)
        if name not in drawn:
            drawn[name] = draw(title, current, reference)
        return [widget.copy() for widget in drawn[name]]

    with patch.object(column_statistics, "distribution", once):
        yield


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

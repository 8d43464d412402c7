"""The drift report that people read: our verdicts, and Evidently's page of distributions over a bounded sample.

The page gives no verdict of its own: verdicts of another test beside ours would
contradict them. The library is imported here only (some 7 to 12 s), and its warnings stay
here.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from markupsafe import Markup

from ml_platform.core.formatting import counted, instant_text
from ml_platform.operations.monitoring.column_range import column_range
from ml_platform.operations.monitoring.drift_result import ColumnDrift, DriftResult
from ml_platform.operations.monitoring.report_page import harden

MAX_ROWS = 2_000
MAX_COLUMNS = 20
_SEED = 0
_HEAD, _BODY = '<meta name="viewport"', "<body>"
_HEADINGS = ("column", "verdict", "what moved", "usual range", "now", "smallest visible change")


@dataclass(frozen=True)
class Looked:
    """What was looked at: the predictions of a version between two instants."""

    model: str
    version: int
    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """The version as commands take it."""
        return f"{self.model}@{self.version}"


def drift_report(reference: pd.DataFrame, current: pd.DataFrame, result: DriftResult, looked: Looked) -> str | None:
    """Return a page with the verdict on each column, and its distribution in the reference and in the current window.

    Parameters
    ----------
    reference, current
        Rows with the columns of the result.
    result
        At most 20 columns are drawn, the first ones that have values, over at most 2,000 seeded rows of each frame.
    looked
        For the title.

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
    title = Markup("<title>Drift of {}</title>").format(looked.name)
    for mark, text in ((_HEAD, f"{title}{_HEAD}"), (_BODY, f"{_BODY}{verdicts(result, looked)}")):
        page = page.replace(mark, text, 1)
    return page


def verdicts(result: DriftResult, looked: Looked) -> str:
    """Return what was looked at and the verdicts as HTML: columns that drifted first; every text is escaped."""
    drifted = [column for column in result.columns if column.drifted]
    others = [column for column in result.columns if not column.drifted]
    window = f"{result.rows:,} predictions from {instant_text(looked.start)} to {instant_text(looked.end)}"
    lines = [
        Markup("<h1>{}: {}</h1>").format(looked.name, result.reason),
        Markup("<p>{} (<i>current</i>), beside the rows that version {} learned from (<i>reference</i>).</p>").format(
            window, looked.version
        ),
        _table(drifted),
        Markup("<details><summary>{} without drift or without a verdict</summary>{}{}</details>").format(
            counted(len(others), "column"), _table(others), _reasons(others)
        ),
        Markup("<p>Below is how values are distributed, of at most {} columns and {:,} rows of each side.</p>").format(
            MAX_COLUMNS, MAX_ROWS
        ),
    ]
    return str(Markup('<style>{}</style><section id="verdicts">{}</section>').format(_STYLE, Markup("").join(lines)))


_STYLE = Markup(
    "#verdicts {font: 14px sans-serif; padding: 16px; overflow-x: auto}"
    "#verdicts h1 {font-size: 20px} #verdicts p {max-width: 48em} #verdicts summary {cursor: pointer; padding: 8px 0}"
    "#verdicts td, #verdicts th {padding: 2px 16px 2px 0; text-align: left; vertical-align: top}"
    "[id^=root_metric] h5 {font-size: 16px !important; overflow-wrap: anywhere}"
    # A phone or a sheet of paper is narrower than Evidently's three columns: they are one below the other there.
    "@media (max-width: 900px), print {[id^=root_metric] .MuiGrid-root {"
    "flex-wrap: wrap !important; flex-basis: 100% !important; max-width: 100% !important; min-width: 0 !important}"
    "[id^=root_metric] .MuiCardContent-root {padding: 4px !important}"
    "#verdicts table, #verdicts tbody, #verdicts tr, #verdicts td {display: block; overflow-wrap: anywhere}"
    "#verdicts th {display: none} #verdicts tr {padding: 4px 0; border-bottom: 1px solid #ddd}"
    "#verdicts td:empty {display: none} #verdicts td:first-child {font-weight: bold}"
    "#verdicts td[data-head]::before {content: attr(data-head) ': '; color: #555}}"
)


def _table(columns: Sequence[ColumnDrift]) -> Markup:
    if not columns:
        return Markup("")
    head = Markup("").join(map(Markup("<th>{}</th>").format, _HEADINGS))
    names = ["", *map(Markup(' data-head="{}"').format, _HEADINGS[1:])]  # shown where the heading is not
    rows = [Markup("").join(map(Markup("<td{}>{}</td>").format, names, _cells(column))) for column in columns]
    return Markup("<table>{}</table>").format(Markup("").join(map(Markup("<tr>{}</tr>").format, [head, *rows])))


def _cells(column: ColumnDrift) -> tuple[str, ...]:
    shown = column_range(column)
    visible = shown.smallest_visible if shown.now_text else ""
    return (column.column, column.verdict, shown.what_text, shown.range_text, shown.now_text, visible)


def _reasons(columns: Sequence[ColumnDrift]) -> Markup:
    """Return why columns have no verdict, each reason once with how many columns have it."""
    counts = Counter(f"{column.verdict}: {column.note}" for column in columns if column.note)
    return Markup("").join(Markup("<p>{} ({:,})</p>").format(reason, count) for reason, count in counts.items())


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
    from unittest.mock import patch  # it loads asyncio

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

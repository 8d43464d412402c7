"""What a person sees of an asset in the Dagster UI."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from ml_platform.core.formatting import age_text, amount_text, instant_text
from ml_platform.core.terminal_text import printable
from ml_platform.project import Project
from ml_platform.registry.evaluation.basis import interval_text
from ml_platform.reporting.catalog.node_facts import Use
from ml_platform.reporting.mlflow.page_links import run_address
from ml_platform.reporting.mlflow.runs import tracked_run
from ml_platform.storage.artifact_kinds.figures import IntervalBasis
from ml_platform_dagster.assets.node_asset import asset_key

Metadata = dict[str, Any]


_MARKUP = re.compile(r"[\\`\[\]<|]|(?<=:)//|(?<=www)\.", re.IGNORECASE)
"""What begins a link, a picture, HTML, code or a cell in GitHub's Markdown, and what makes an address a link."""


_BRACKETS = re.compile(r" ?\([^()]*\)")


_WIDEST = 52
"""How many letters fit in the column of values at 1400 pixels."""


def literal(text: object) -> str:
    r"""Return a text that Markdown shows as it is: a value of the data can add no link, picture or cell.

    >>> literal("[a](javascript:b) <i> http://x | ok")
    '\\[a\\](javascript:b) \\<i> http:\\/\\/x \\| ok'
    """
    escaped = printable(str(text)).replace("\n", " ")
    return _MARKUP.sub(lambda mark: "".join(f"\\{character}" for character in mark[0]), escaped)


def bullets(lines: Iterable[str]) -> dg.MarkdownMetadataValue:
    """Return lines as a list."""
    return dg.MetadataValue.md("\n".join(f"- {literal(line)}" for line in lines) or "none")


def table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """Return rows of equal keys as a table, or as a list where a table would be wider than the page's column.

    One wide value widens the column, and then every value of the page is cut at the edge.
    """
    if not rows:
        return dg.MetadataValue.md("none")
    names = list(rows[0])
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(line[place]) for line in [names, *cells]) for place in range(len(names))]
    if sum(widths) + 2 * len(names) > _WIDEST:
        return dg.MetadataValue.md("\n".join(f"- {_listed(names, line)}" for line in cells))
    lines = [[literal(name) for name in names], ["---"] * len(names), *cells]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _listed(names: Sequence[str], cells: Sequence[str]) -> str:
    """Return a row as one line, which wraps: the first cell, then each other one that is not empty with its name."""
    named = [f"{literal(name)} {cell}" for name, cell in zip(names, cells, strict=True) if cell]
    if cells[0] and not cells[0][:1].isalpha():  # a figure means nothing without its name
        return ", ".join(named)
    return f"**{cells[0]}**: {', '.join(named[1:])}" if named[1:] else f"**{cells[0]}**"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)
    return literal(text)


def used_by(uses: Sequence[Use]) -> Metadata:
    """Return who uses a source or a feature table, and what as."""
    return {"used by": bullets(f"{use.by.kind}/{use.by.name}: {use.role}" for use in uses)}


def newest_text(newest: str | None, now: datetime) -> str:
    """Return when the newest row or value was known, and how long before now; nothing where there is none."""
    if newest is None:
        return ""
    instant = datetime.fromisoformat(newest)
    return f"on {instant_text(instant)} ({age_text(instant, now)})"


def age_in_hours(newest: str | None, now: datetime) -> Metadata:
    """Return how old the newest row or value is, as a figure to be plotted; nothing where there is none."""
    if newest is None:
        return {}
    return {"age of newest (hours)": round((now - datetime.fromisoformat(newest)).total_seconds() / 3600, 2)}


def period_text(start: str, end: str) -> str:
    """Return the two ends of a period, to the minute."""
    return " to ".join(instant_text(datetime.fromisoformat(end)) for end in (start, end))


def plotted(figures: Mapping[str, float | int | None]) -> dict[str, float | int]:
    """Return figures as the UI plots them over time: rounded, since it shows every digit; without what is missing."""
    return {name: _rounded(value) for name, value in figures.items() if value is not None and math.isfinite(value)}


def _rounded(value: float) -> float | int:
    return value if isinstance(value, int) else round(value, 2 if abs(value) >= 100 else 4)


def in_short(reason: str) -> str:
    """Return a reason without what is in brackets: differences, intervals, and the data that they are based on.

    >>> in_short("kept version 1: 39 % sure, needs 50 % (difference -2, from 15 days (worth 5)); auc is 0.5")
    'kept version 1: 39 % sure, needs 50 %; auc is 0.5'
    """
    while (shorter := _BRACKETS.sub("", reason)) != reason:
        reason = shorter
    return reason


def grouped(hash: str) -> str:
    """Return a hash in groups, so that it wraps; the first group is enough for commands that take an id.

    >>> grouped("0123456789abcdef0123")
    '0123456789abcdef 0123'
    """
    return " ".join(hash[place : place + 16] for place in range(0, len(hash), 16))


def ungrouped(text: str) -> str:
    """Return a hash as it was before `grouped`."""
    return "".join(text.split())


def described(description: str, unit: str) -> str:
    """Return what a column is, with its unit."""
    return " ".join(filter(None, [description, unit and f"[{unit}]"]))


def money(value: float, low: float | None, high: float | None, currency: str) -> str:
    """Return an amount with its interval.

    >>> money(1234.5, 1000, 1500, "USD")
    '1,234 USD (95 % interval 1,000 to 1,500)'
    """
    text = amount_text(value, currency)
    if low is None or high is None:
        return text
    places = 0 if abs(value) >= 100 else 2
    return f"{text} (95 % interval {amount_text(low, places=places)} to {amount_text(high, places=places)})"


def money_with_interval(
    value: float, low: float | None, high: float | None, basis: IntervalBasis, currency: str
) -> str:
    """Return an amount with its interval and the data that the interval is based on, or why there is none.

    >>> money_with_interval(1234.5, 1000, 1500, IntervalBasis(days=14, effective_days=6.2), "USD")
    '1,234 USD (95 % interval 1,000 to 1,500 from 14 days (worth 6.2 independent ones))'
    """
    return f"{money(value, None, None, currency)} ({interval_text(low, high, basis)})"


def table_schema(columns: Mapping[str, str], descriptions: Mapping[str, str] | None = None) -> dg.TableSchema:
    """Return a schema from types by column."""
    texts = descriptions or {}
    return dg.TableSchema([dg.TableColumn(name, kind, texts.get(name) or None) for name, kind in columns.items()])


def column_lineage(made_from: Mapping[str, Sequence[tuple[str, str]]]) -> dg.TableColumnLineage:
    """Return the lineage of columns, each from (node, column) pairs."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(asset_key(node), name) for node, name in sources]
            for column, sources in made_from.items()
        }
    )


def mlflow_url(project: Project, model: str, trained_id: str) -> Metadata:
    """Return the address of a version's MLflow run; nothing where MLflow does not know it yet."""
    run = tracked_run(project.database, model, trained_id)
    if run is None:
        return {}
    return {"MLflow": dg.MetadataValue.md(f"[Run of {literal(model)} in MLflow]({run_address(project, run)})")}

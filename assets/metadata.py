"""What a person sees of an asset in the Dagster UI."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from ml_platform.core.formatting import amount_text
from ml_platform.core.terminal_text import printable
from ml_platform.project import Project
from ml_platform.registry.evaluation.basis import interval_text
from ml_platform.reporting.catalog.node_facts import Use
from ml_platform.reporting.mlflow.runs import tracked_run
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.materialization import Materialized
from ml_platform_dagster.assets.node_asset import asset_key
from ml_platform_dagster.resources.mlflow import mlflow_ui

Metadata = dict[str, Any]


def made_metadata(made: Materialized) -> Metadata:
    """Return the id of what was made, and whether it was made now."""
    return artifact_metadata(made.artifact) | {"made": "reused" if made.reused else "now"}


def artifact_metadata(artifact: Artifact) -> Metadata:
    """Return an artifact's id."""
    return {"id": dg.MetadataValue.text(artifact.id)}


_MARKUP = re.compile(r"[\\`\[\]<|]|(?<=:)//|(?<=www)\.", re.IGNORECASE)
"""What begins a link, a picture, HTML, code or a cell in GitHub's Markdown, and what makes an address a link."""


def literal(text: object) -> str:
    r"""Return a text that Markdown shows as it is: a value of the data can add no link, picture or cell.

    >>> literal("[a](javascript:b) <i> http://x | ok")
    '\\[a\\](javascript:b) \\<i> http:\\/\\/x \\| ok'
    """
    found = printable(str(text)).replace("\n", " ")
    return _MARKUP.sub(lambda mark: "".join(f"\\{character}" for character in mark[0]), found)


def bullets(lines: Iterable[str]) -> dg.MarkdownMetadataValue:
    """Return lines as a list."""
    return dg.MetadataValue.md("\n".join(f"- {literal(line)}" for line in lines) or "none")


def table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """Return rows of equal keys as a table."""
    if not rows:
        return dg.MetadataValue.md("none")
    names = list(rows[0])
    lines = [
        [literal(name) for name in names],
        ["---"] * len(names),
        *([_cell(row.get(name)) for name in names] for row in rows),
    ]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)
    return literal(text)


def used_by(uses: Sequence[Use]) -> Metadata:
    """Return who uses a source or a feature table, and what as."""
    return {"used_by": bullets(f"{use.by.kind}/{use.by.name}: {use.role}" for use in uses)}


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
    value: float, low: float | None, high: float | None, basis: Mapping[str, Any], currency: str
) -> str:
    """Return an amount with its interval and what that rests on, or why there is none.

    >>> money_with_interval(1234.5, 1000, 1500, {"days": 14, "effective_days": 6.2}, "USD")
    '1,234 USD (95 % interval 1,000 to 1,500 from 14 days (worth 6.2 independent ones))'
    """
    return f"{money(value, None, None, currency)} ({interval_text(low, high, basis)})"


def table_schema(columns: Mapping[str, str], descriptions: Mapping[str, str] | None = None) -> dg.TableSchema:
    """Return a schema from types by column."""
    told = descriptions or {}
    return dg.TableSchema([dg.TableColumn(name, kind, told.get(name) or None) for name, kind in columns.items()])


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
    return {} if run is None else {"mlflow": dg.MetadataValue.url(run.url(mlflow_ui(project)))}

"""The asset of the online store: what the online models read, published in one step."""

from datetime import datetime

import dagster as dg

from ml_platform.core.clock import rounded_duration
from ml_platform.core.errors import listed
from ml_platform.core.formatting import instant_text
from ml_platform.declarations.graph import Node
from ml_platform.operations.online.due import TableAge, table_ages
from ml_platform.operations.online.freshness import FRESHNESS, freshness_check
from ml_platform.operations.online.publish import Published, publish_online
from ml_platform.project import Project
from ml_platform_dagster.assets.check_texts import ONLINE_TEXTS
from ml_platform_dagster.assets.checks import check_specs, report_checks
from ml_platform_dagster.assets.metadata import Metadata, table
from ml_platform_dagster.assets.node_asset import declared_asset
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.step import AssetEvents, Step, closing
from ml_platform_dagster.assets.summary import summary
from ml_platform_dagster.resources.project import ProjectParam


def build_online_store(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of the online store. Its data version follows from what decides the records."""
    checks = check_specs(node, [FRESHNESS], ONLINE_TEXTS)
    kind = "lmdb" if project.spec.file.storage.online is None else "redis"

    @declared_asset(project, node, kinds={"online", kind}, check_specs=checks)
    def online_store(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        published = publish_online(project, step.inputs, step.now)
        key = published.description.key
        step.record(key)
        step.record_duration(reused=published.outcome != "published")
        ages = table_ages(project, step.now)
        yield from report_checks(step, [FRESHNESS], [freshness_check(project, step.now)])
        yield dg.MaterializeResult(metadata=_metadata(published, ages, step), data_version=dg.DataVersion(key))

    return online_store


def _metadata(published: Published, ages: list[TableAge], step: Step) -> Metadata:
    described = published.description
    lags = [(age.readable - age.tick).total_seconds() for age in ages if age.tick is not None]
    return {
        **_summary(published, ages, step.now),
        "dagster/row_count": sum(facts.count for facts in described.records.values()),
        "records changed": published.changed,
        "greatest lag (s)": max(lags, default=0.0),
        "written": table([_written(published)]),
        "tables": table([_row(age, step) for age in ages]),
        "population rows": table([{"model": rows.model, "rows": rows.entities} for rows in described.rows.values()]),
        "outcome": published.outcome,
        "generation": str(described.generation),
        **closing(step.project, step.now, described.key, reused=published.outcome != "published"),
    }


def _summary(published: Published, ages: list[TableAge], now: datetime) -> Metadata:
    records = sum(facts.count for facts in published.description.records.values())
    late = [f"{age.table} ({age.late_by})" for age in ages if age.overdue]
    return summary(
        f"{records:,} records published, {published.changed:,} of them changed"
        if published.outcome == "published"
        else f"{records:,} records, nothing new to publish",
        [f"Later than one refresh interval at {instant_text(now)}: {listed(late)}." if late else _in_time(now)],
        [("table", "entities", "late by"), *((age.table, f"{age.entities:,}", str(age.late_by)) for age in ages)],
    )


def _in_time(now: datetime) -> str:
    """Return that no table was late, and when: a run that fails leaves this summary as it is."""
    return f"No table was overdue at {instant_text(now)}; the check {FRESHNESS} has whether one is."


def _written(published: Published) -> dict[str, object]:
    return {
        "changed": published.changed,
        "unchanged": published.unchanged,
        "removed": published.removed,
        "bytes": published.bytes_written,
    }


def _tick(age: TableAge) -> str:
    return "none" if age.tick is None else f"{age.tick:%Y-%m-%d %H:%M}"


def _row(age: TableAge, step: Step) -> dict[str, object]:
    return {
        "table": age.table,
        "tick": _tick(age),
        "age": "none" if age.tick is None else rounded_duration(step.now - age.tick),
        "late by": age.late_by,
        "entities": age.entities,
    }


class OnlineStoreBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "online_store"
    build = staticmethod(build_online_store)

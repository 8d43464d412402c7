"""The asset of the online store: what the online models read, published in one step."""

import dagster as dg

from ml_platform.declarations.graph import Node
from ml_platform.operations.online.due import TableAge, table_ages
from ml_platform.operations.online.freshness import FRESHNESS, freshness_check
from ml_platform.operations.online.publish import Published, publish_online
from ml_platform.project import Project
from ml_platform_dagster.assets.checks import report_checks
from ml_platform_dagster.assets.metadata import Metadata, table
from ml_platform_dagster.assets.node_asset import asset_key, declared_asset
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.resources.project import ProjectParam


def build_online_store(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of the online store. Its data version follows from what decides the records."""
    checks = [dg.AssetCheckSpec(FRESHNESS, asset=asset_key(node.name))]
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
        "id": described.key,
        "made": "now" if published.outcome == "published" else "reused",
        "outcome": published.outcome,
        "generation": described.generation,
        "dagster/row_count": sum(found.count for found in described.records.values()),
        "records_changed": published.changed,
        "records_unchanged": published.unchanged,
        "records_removed": published.removed,
        "bytes_written": published.bytes_written,
        "greatest_lag_seconds": max(lags, default=0.0),
        "tables": table([_row(age, step) for age in ages]),
        "population_rows": table([{"model": rows.model, "rows": rows.entities} for rows in described.rows.values()]),
    }


def _row(age: TableAge, step: Step) -> dict[str, object]:
    told = None if age.tick is None else round((step.now - age.tick).total_seconds())
    return {
        "table": age.table,
        "tick": "none" if age.tick is None else f"{age.tick:%Y-%m-%d %H:%M}",
        "age in seconds": told,
        "late by": age.late_by,
        "entities": age.entities,
    }


class OnlineStoreBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "online_store"
    build = staticmethod(build_online_store)

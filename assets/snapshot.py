"""The asset of a snapshot: the immutable training frame."""

import dagster as dg

from ml_platform.datasets.leakage.check import check_leaks, require_no_leaks
from ml_platform.datasets.leakage.find_leaks import LEAK_CHECKS
from ml_platform.datasets.snapshot.build import build_snapshot, last_as_of
from ml_platform.declarations.graph import Node
from ml_platform.declarations.lineage import snapshot_lineage
from ml_platform.operations.scheduling import training_as_of
from ml_platform.project import Project
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.materialization import Materialized
from ml_platform_dagster.assets.checks import check_result, check_specs
from ml_platform_dagster.assets.metadata import Metadata, column_lineage, made_metadata, table, table_schema
from ml_platform_dagster.assets.node_asset import declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.resources.project import ProjectParam

RETRAIN_TAG = "ml_platform/anew"
"""On a run that is to make its models anew, as of now."""


def build_snapshot_asset(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's snapshot: as of the last tick of its schedule, or as of now where that is asked.

    A snapshot with a leak stands, so that it can be looked at, and stops its training.
    """
    model = model_of(project, node)
    lineage = column_lineage(snapshot_lineage(project.spec, model))

    @declared_asset(project, node, kinds={"parquet", "duckdb"}, check_specs=check_specs(node, LEAK_CHECKS))
    def snapshot(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        forced = RETRAIN_TAG in context.run.tags
        as_of = training_as_of(model.retraining, step.now, last_as_of(project, model.name), forced=forced)
        made = build_snapshot(project, model.name, step.inputs, as_of)
        checks = [check_result(node.name, found) for found in check_leaks(project, model.name, made.artifact.id)]
        yield step.result(made, _metadata(made) | {"dagster/column_lineage": lineage}, checks)
        require_no_leaks(project, model.name, made.artifact.id)

    return snapshot


def _metadata(made: Materialized) -> Metadata:
    about = SnapshotManifest.of(made.artifact)
    nulls = [{"column": name, "null": f"{share:.1%}"} for name, share in about.nulls.items() if share]
    return made_metadata(made) | {
        "dagster/row_count": sum(about.rows.values()),
        "dagster/column_schema": table_schema(about.columns),
        "as_of": about.as_of,
        "rows": dg.MetadataValue.json(about.rows),
        "boundaries": dg.MetadataValue.json(about.boundaries.as_json()),
        "dropped": dg.MetadataValue.json(about.dropped),
        "negatives": dg.MetadataValue.json(about.negatives),
        "label": dg.MetadataValue.json(about.label),
        "nulls": table(nulls),
    }


class SnapshotBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "snapshot"
    build = staticmethod(build_snapshot_asset)

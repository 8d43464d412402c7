"""The asset of a feature table: values at the ticks where something changed."""

import dagster as dg

from ml_platform.core.formatting import share_text, spread_text
from ml_platform.declarations.expectations import check_names
from ml_platform.declarations.graph import Node
from ml_platform.declarations.lineage import feature_lineage
from ml_platform.declarations.node_name import NodeName
from ml_platform.features.build import build_feature_table, pending_cells
from ml_platform.features.checks import check_feature_table
from ml_platform.project import Project
from ml_platform.reporting.catalog.feature_facts import FeatureColumn, FeatureTableFacts
from ml_platform.reporting.catalog.feature_tables import feature_table_facts
from ml_platform.sources.checks.results import ChecksFailed
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest
from ml_platform.storage.materialization import Materialized
from ml_platform_dagster.assets.check_texts import expectation_texts
from ml_platform_dagster.assets.checks import check_specs, report_checks
from ml_platform_dagster.assets.metadata import (
    Metadata,
    age_in_hours,
    column_lineage,
    described,
    newest_text,
    period_text,
    table,
    table_schema,
    used_by,
)
from ml_platform_dagster.assets.node_asset import declared_asset
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.assets.summary import site_page, summary
from ml_platform_dagster.resources.project import ProjectParam


def build_feature_table_asset(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a feature table."""
    spec = project.spec.feature_tables[node.subject]
    names = check_names(spec.expectations)
    lineage = column_lineage(feature_lineage(project.spec, spec))

    specs = check_specs(node, names, expectation_texts(spec.expectations))

    @declared_asset(project, node, kinds={"table", "duckdb"}, check_specs=specs, page=site_page("features", spec.name))
    def feature_table(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        source = step.inputs[NodeName("source", spec.source)]
        pending = pending_cells(project, spec.name, source)
        made = build_feature_table(project, spec.name, source)
        results = check_feature_table(project, spec.name, made.artifact.id)
        checks = list(report_checks(step, names, results))
        if any(result.blocks for result in results):
            yield from checks
            raise ChecksFailed(node.name, results)
        facts = feature_table_facts(project, spec.name, step.now, {}, made.artifact)
        metadata = _metadata(step, facts, made) | {"dagster/column_lineage": lineage}
        yield step.result(made, metadata, checks, rows=pending.rows)

    return feature_table


def _metadata(step: Step, facts: FeatureTableFacts, made: Materialized) -> Metadata:
    about = FeatureTableManifest.of(made.artifact)
    texts = {column.name: described(column.description, column.unit) for column in facts.columns}
    newest = newest_text(about.newest, step.now)
    return (
        summary(
            f"{len(about.columns)} features, {about.rows:,} cells",
            [
                f"The newest value was known {newest}." if newest else "No value is known yet.",
                f"How old a value can be: {facts.availability}.",
            ],
            [("feature", "null"), *((column.name, share_text(column.null_share)) for column in facts.columns)],
        )
        | {
            "dagster/row_count": about.rows,
            "dagster/column_schema": table_schema(about.columns, texts),
            **age_in_hours(about.newest, step.now),
            "age": facts.availability,
            "known": period_text(*about.known) if about.known else "none",
            "columns": table([_row(column) for column in facts.columns]),
        }
        | used_by(facts.used_by)
    )


def _row(column: FeatureColumn) -> dict[str, str]:
    row = {"column": column.name, "unit": column.unit, "null": share_text(column.null_share)}
    return row | {
        "values": spread_text(column.distribution, column.unit),
        "used by": ", ".join(dict.fromkeys(use.model for use in column.used_by)),
    }


class FeatureTableBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "feature_table"
    build = staticmethod(build_feature_table_asset)

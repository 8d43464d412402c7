"""The asset of a source: rows read, checked, and appended to its log."""

from functools import partial

import dagster as dg

from ml_platform.catalog.facts import SourceColumn, SourceFacts
from ml_platform.catalog.sources import source_facts
from ml_platform.catalog.wording import share_text
from ml_platform.checks import ChecksFailed
from ml_platform.features.ingest import Ingested, ingest_source
from ml_platform.graph import Node
from ml_platform.monitoring.expectations import run_expectations
from ml_platform.project import Project
from ml_platform_dagster.assets.checks import check_specs, report_checks, source_checks
from ml_platform_dagster.assets.declare import declared_asset
from ml_platform_dagster.assets.metadata import Metadata, described, made_metadata, table, table_schema, used_by
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.resources.project import ProjectParam


def build_source(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a source."""
    spec = project.spec.sources[node.subject]
    names = source_checks(spec)

    @declared_asset(project, node, kinds={"source", spec.reader.kind}, check_specs=check_specs(node, names))
    def source(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        try:
            found = ingest_source(project, spec.name, step.now, partial(run_expectations, key=spec.key))
        except ChecksFailed as failed:
            yield from report_checks(step, names, failed.results)
            raise
        checks = list(report_checks(step, names, found.checks))
        facts = source_facts(project, spec.name, found.made.artifact)
        yield step.result(found.made, _metadata(facts, found), checks)
        if any(result.blocks for result in found.checks):
            raise ChecksFailed(node.name, found.checks)

    return source


def _metadata(facts: SourceFacts, found: Ingested) -> Metadata:
    about = found.made.artifact.about
    types = {column.name: column.type for column in facts.columns}
    told = {column.name: described(column.description, column.unit) for column in facts.columns}
    return (
        made_metadata(found.made)
        | {
            "dagster/row_count": about["rows"],
            "dagster/column_schema": table_schema(types, told),
            "new_rows": found.new_rows,
            "late_rows": found.late,
            "corrections": found.corrections,
            "events_from": about["events"][0],
            "events_to": about["events"][1],
            "known_until": about["known"][1],
            "columns": table([_row(column) for column in facts.columns]),
        }
        | used_by(facts.used_by)
    )


def _row(column: SourceColumn) -> dict[str, str]:
    readers = ", ".join(f"{reader.kind}/{reader.name}" for reader in column.used_by)
    return {"column": column.name, "unit": column.unit, "null": share_text(column.null_share), "read by": readers}

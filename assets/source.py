"""The asset of a source: rows read, checked, and appended to its log."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import dagster as dg

from ml_platform.core.formatting import share_text
from ml_platform.declarations.graph import Node
from ml_platform.declarations.lineage import source_lineage
from ml_platform.declarations.source import SourceSpec
from ml_platform.operations.monitoring.upstream_versions import check_upstream, versions_in
from ml_platform.project import Project
from ml_platform.reporting.catalog.source_facts import SourceColumn, SourceFacts
from ml_platform.reporting.catalog.sources import source_facts
from ml_platform.sources.checks.results import CheckResult, ChecksFailed
from ml_platform.sources.checks.run import run_expectations
from ml_platform.sources.clock_behind import clock_note
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.ingested import Ingested
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform_dagster.assets.checks import check_specs, report_checks, source_checks
from ml_platform_dagster.assets.metadata import (
    Metadata,
    bullets,
    column_lineage,
    described,
    made_metadata,
    table,
    table_schema,
    used_by,
)
from ml_platform_dagster.assets.node_asset import declared_asset
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.resources.project import ProjectParam

_NONE = ("none", "none")


def build_source(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a source."""
    spec = project.spec.sources[node.subject]
    names = source_checks(spec)
    origins = source_lineage(project.spec, spec)
    lineage = {"dagster/column_lineage": column_lineage(origins)} if origins else {}

    @declared_asset(project, node, kinds={"source", spec.reader.name}, check_specs=check_specs(node, names))
    def source(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        try:
            found = ingest_source(project, spec.name, step.now, partial(run_expectations, key=spec.key))
        except ChecksFailed as failed:
            yield from report_checks(step, names, failed.results)
            raise
        versions, upstream = _upstream(project, spec, found)
        checks = list(report_checks(step, names, [*found.checks, *upstream]))
        facts = source_facts(project, spec.name, found.made.artifact)
        clock = clock_note(project.database, project.clock.now())
        yield step.result(found.made, _metadata(facts, found, clock) | versions | lineage, checks)
        if any(result.blocks for result in found.checks):
            raise ChecksFailed(node.name, found.checks)

    return source


def _upstream(project: Project, spec: SourceSpec, found: Ingested) -> tuple[Metadata, Sequence[CheckResult]]:
    """Return the versions behind a source of predictions, and whether models in charge know the newest."""
    if spec.reader.model is None:
        return {}, ()
    versions = versions_in(project, spec.name, found.made.artifact)
    rows = [
        {"version": f"{spec.reader.model}@{item.version}", "rows": item.rows, "from": item.first, "to": item.last}
        for item in versions
    ]
    return {"versions": table(rows)}, [check_upstream(project, spec.name, versions)]


def _metadata(facts: SourceFacts, found: Ingested, clock: str | None) -> Metadata:
    about = SourceManifest.of(found.made.artifact)
    types = {column.name: column.type for column in facts.columns}
    told = {column.name: described(column.description, column.unit) for column in facts.columns}
    return (
        made_metadata(found.made)
        | {
            "dagster/row_count": about.rows,
            "dagster/column_schema": table_schema(types, told),
            "new_rows": found.new_rows,
            "late_rows": found.late,
            "corrections": found.corrections,
            "deletions": found.deletions,
            "missing_keys": found.upstream.missing.rows,
            "gone_files": found.upstream.gone.files,
            "read_rows": found.rows.read,
            "merged_rows": found.rows.merged,
            "quarantined_rows": found.upstream.quarantined.rows,
            "rows_without_a_value": found.upstream.nulled.rows,
            "dirty_rows": table([asdict(item) for item in facts.dirty]),
            "waiting_rows": found.upstream.waiting,
            "waiting_until": found.upstream.until or "none",
            "upstream": bullets([*found.upstream.notes(), *([clock] if clock else [])]),
            "events_from": (about.events or _NONE)[0],
            "events_to": (about.events or _NONE)[1],
            "known_until": about.newest or "none",
            "columns": table([_row(column) for column in facts.columns]),
        }
        | used_by(facts.used_by)
    )


def _row(column: SourceColumn) -> dict[str, str]:
    readers = ", ".join(f"{reader.kind}/{reader.name}" for reader in column.used_by)
    return {"column": column.name, "unit": column.unit, "null": share_text(column.null_share), "read by": readers}


class SourceBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "source"
    build = staticmethod(build_source)

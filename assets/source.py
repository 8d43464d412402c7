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
from ml_platform.sources.clock_check import clock_note
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.ingested import Ingested
from ml_platform.storage.artifact_kinds.source import SourceManifest
from ml_platform_dagster.assets.check_texts import source_texts
from ml_platform_dagster.assets.checks import check_specs, report_checks, source_checks
from ml_platform_dagster.assets.kinds import reader_label
from ml_platform_dagster.assets.metadata import (
    Metadata,
    age_in_hours,
    bullets,
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


def build_source(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a source."""
    spec = project.spec.sources[node.subject]
    names = source_checks(spec)
    origins = source_lineage(project.spec, spec)
    lineage = {"dagster/column_lineage": column_lineage(origins)} if origins else {}

    specs, kinds = check_specs(node, names, source_texts(spec)), {"source", reader_label(spec.reader.name)}

    @declared_asset(project, node, kinds=kinds, check_specs=specs, page=site_page("sources", spec.name))
    def source(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        try:
            ingested = ingest_source(project, spec.name, step.now, partial(run_expectations, key=spec.key))
        except ChecksFailed as failed:
            yield from report_checks(step, names, failed.results)
            raise
        versions, upstream = _upstream(project, spec, ingested)
        checks = list(report_checks(step, names, [*ingested.checks, *upstream]))
        facts = source_facts(project, spec.name, ingested.made.artifact)
        clock = clock_note(project.database, project.clock.now())
        yield step.result(ingested.made, _metadata(step, facts, ingested, clock) | versions | lineage, checks)
        if any(result.blocks for result in ingested.checks):
            raise ChecksFailed(node.name, ingested.checks)

    return source


def _upstream(project: Project, spec: SourceSpec, ingested: Ingested) -> tuple[Metadata, Sequence[CheckResult]]:
    """Return the versions in a source of predictions, and whether live models were trained on the newest."""
    if spec.reader.model is None:
        return {}, ()
    versions = versions_in(project, spec.name, ingested.made.artifact)
    rows = [
        {"version": f"{spec.reader.model}@{item.version}", "rows": item.rows, "from": item.first, "to": item.last}
        for item in versions
    ]
    return {"versions": table(rows)}, [check_upstream(project, spec.name, versions)]


def _metadata(step: Step, facts: SourceFacts, ingested: Ingested, clock: str | None) -> Metadata:
    about = SourceManifest.of(ingested.made.artifact)
    types = {column.name: column.type for column in facts.columns}
    texts = {column.name: described(column.description, column.unit) for column in facts.columns}
    notes = [*ingested.upstream.notes(), *([clock] if clock else [])]
    return (
        _summary(step, about, ingested, notes)
        | {
            "dagster/row_count": about.rows,
            "dagster/column_schema": table_schema(types, texts),
            "new rows": ingested.new_rows,
            "late rows": ingested.late,
            "quarantined rows": ingested.upstream.quarantined.rows,
            **age_in_hours(about.newest, step.now),
            "notes": bullets(notes),
            "events": period_text(*about.events) if about.events else "none",
            "read": table([_read(ingested)]),
            "not in the log": table([_outside(ingested)]),
            "dirty rows": table([asdict(item) for item in facts.dirty]),
            "columns": table([_row(column) for column in facts.columns]),
        }
        | used_by(facts.used_by)
    )


def _summary(step: Step, about: SourceManifest, ingested: Ingested, notes: Sequence[str]) -> Metadata:
    new = f"{ingested.new_rows:,} of them new" if ingested.new_rows else "none of them new"
    newest = newest_text(about.newest, step.now)
    arrived = [("new", "late", "corrected", "deleted", "quarantined")]
    counts = (
        ingested.new_rows,
        ingested.late,
        ingested.corrections,
        ingested.deletions,
        ingested.upstream.quarantined.rows,
    )
    return summary(
        f"{about.rows:,} rows, {new}",
        [f"The newest row was known {newest}." if newest else "No row is known yet.", *(f"{note}." for note in notes)],
        [*arrived, [f"{count:,}" for count in counts]],
    )


def _read(ingested: Ingested) -> dict[str, object]:
    rows = ingested.rows
    return {"read": rows.read, "new": rows.new, "unchanged": rows.unchanged, "merged": rows.merged}


def _outside(ingested: Ingested) -> dict[str, object]:
    upstream = ingested.upstream
    return {
        "waiting": upstream.waiting,
        "known by": (upstream.until or "none")[:16],
        "without a value": upstream.nulled.rows,
        "keys gone": upstream.missing.rows,
        "files gone": upstream.gone.files,
    }


def _row(column: SourceColumn) -> dict[str, str]:
    readers = ", ".join(f"{reader.kind}/{reader.name}" for reader in column.used_by)
    return {"column": column.name, "unit": column.unit, "null": share_text(column.null_share), "read by": readers}


class SourceBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "source"
    build = staticmethod(build_source)

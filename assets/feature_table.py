"""The asset of a feature table: cells, from which its values at any tick follow."""

from datetime import timedelta

import dagster as dg

from ml_platform.checks import ChecksFailed
from ml_platform.features.availability import availability_of
from ml_platform.features.delays import measured_delay
from ml_platform.features.table import build_feature_table
from ml_platform.graph import Node
from ml_platform.lineage import feature_lineage
from ml_platform.making import Made
from ml_platform.monitoring.known_expectations import check_names
from ml_platform.project import Project
from ml_platform.spec.feature_table import FeatureTableSpec
from ml_platform.store.durations import usual_duration
from ml_platform.table_checks import check_feature_table
from ml_platform_dagster.assets.checks import check_specs, report_checks
from ml_platform_dagster.assets.declare import declared_asset
from ml_platform_dagster.assets.metadata import Metadata, column_lineage, made_metadata, table_schema
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.resources.project import ProjectParam


def build_feature_table_asset(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a feature table."""
    spec = project.spec.feature_tables[node.subject]
    names = check_names(spec.expectations)
    lineage = column_lineage(feature_lineage(project.spec, spec))

    @declared_asset(project, node, kinds={"features", "duckdb"}, check_specs=check_specs(node, names))
    def feature_table(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        made = build_feature_table(project, spec.name, step.inputs[f"sources/{spec.source}"])
        results = check_feature_table(project, spec.name, made.artifact.id)
        checks = list(report_checks(step, names, results))
        if any(result.blocks for result in results):
            yield from checks
            raise ChecksFailed(node.name, results)
        told = _metadata(spec, made) | _age(step, spec) | {"dagster/column_lineage": lineage}
        yield step.result(made, told, checks)

    return feature_table


def _age(step: Step, spec: FeatureTableSpec) -> Metadata:
    """Return how old the newest data can be, by what was declared and by what was measured."""
    project, source = step.project, f"sources/{spec.source}"
    took = [usual_duration(project.database, name) for name in (source, step.node.name)]
    run_time = sum((span for span in took if span is not None), timedelta(0)) or None
    delay = None
    if project.spec.sources[spec.source].known_at.delay is None:
        delay = measured_delay(project, spec.source, step.inputs[source])
    return {"age": availability_of(project.spec, spec.name, run_time, delay=delay).sentence}


def _metadata(spec: FeatureTableSpec, made: Made) -> Metadata:
    about = made.artifact.about
    told = {name: spec.features[feature].description for name, (feature, _) in spec.columns.items()}
    units = {name: spec.features[feature].unit for name, (feature, _) in spec.columns.items()}
    described = {name: " ".join(filter(None, [told[name], units[name] and f"[{units[name]}]"])) for name in told}
    first, last = about["known"] or ("none", "none")
    return made_metadata(made) | {
        "dagster/row_count": about["rows"],
        "dagster/column_schema": table_schema(about["columns"], described),
        "features": len(about["columns"]),
        "chunks": len(about["chunks"]),
        "known_from": first,
        "known_until": last,
    }

"""The asset of a snapshot: the immutable training frame."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import dagster as dg

from ml_platform.core.formatting import instant_text, share_text
from ml_platform.datasets.leakage.check import check_leaks, require_no_leaks
from ml_platform.datasets.leakage.find_leaks import LEAK_CHECKS
from ml_platform.datasets.snapshot.build import build_snapshot, excluded_texts, last_as_of
from ml_platform.declarations.graph import Node
from ml_platform.declarations.lineage import snapshot_lineage
from ml_platform.operations.scheduling import training_as_of
from ml_platform.project import Project
from ml_platform.reporting.plots.small_pictures import small_snapshot_pictures
from ml_platform.sources.checks.results import CheckResult
from ml_platform.storage.artifact_kinds.snapshot import PeriodLabel, SnapshotManifest, SplitBoundaries
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.materialization import Materialized
from ml_platform_dagster.assets.check_texts import leak_texts
from ml_platform_dagster.assets.checks import check_result, check_specs
from ml_platform_dagster.assets.metadata import Metadata, bullets, column_lineage, period_text, table
from ml_platform_dagster.assets.node_asset import declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.plots import draw_once, in_place
from ml_platform_dagster.assets.step import AssetEvents, Step
from ml_platform_dagster.assets.summary import summary
from ml_platform_dagster.resources.project import ProjectParam

RETRAIN_TAG = "ml_platform/retrain"
"""Tag of a run that retrains its models, as of now."""


def build_snapshot_asset(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's snapshot: as of the last tick of its schedule, or as of now where that is asked.

    A snapshot with a leak is kept, so that it can be inspected, and it stops its training.
    """
    model = model_of(project, node)
    lineage = column_lineage(snapshot_lineage(project.spec, model))

    specs = check_specs(node, LEAK_CHECKS, leak_texts(model))

    @declared_asset(project, node, kinds={"dataset", "parquet", "duckdb"}, check_specs=specs)
    def snapshot(context: dg.AssetExecutionContext, project: ProjectParam) -> AssetEvents:
        step = Step.begin(context, project, node)
        forced = RETRAIN_TAG in context.run.tags
        as_of = training_as_of(model.retraining, step.now, last_as_of(project, model.name), forced=forced)
        made = build_snapshot(project, model.name, step.inputs, as_of)
        leaks = check_leaks(project, model.name, made.artifact.id)
        checks = [check_result(node.name, result) for result in leaks]
        pictures = draw_once(project, SnapshotManifest, made.artifact, small_snapshot_pictures)
        yield step.result(made, _metadata(made, leaks, pictures) | {"dagster/column_lineage": lineage}, checks)
        require_no_leaks(project, model.name, made.artifact.id)

    return snapshot


def _metadata(made: Materialized, leaks: Sequence[CheckResult], pictures: Artifact) -> Metadata:
    about = SnapshotManifest.of(made.artifact)
    nulls = [{"column": name, "null": share_text(share)} for name, share in about.nulls.items() if share]
    rows = sum(about.rows.values())
    return {
        **_summary(about, leaks, pictures),
        "dagster/row_count": rows,
        "rows in the snapshot": rows,
        "as of": instant_text(datetime.fromisoformat(about.as_of)),
        "label": table([_label(period, label) for period, label in about.label.items()]),
        "dropped rows": bullets(excluded_texts(about.dropped)),
        "negative labels": bullets(excluded_texts(about.negatives)),
        "periods": bullets(_period_texts(about.boundaries)),
        "columns": bullets(f"{name}: {kind}" for name, kind in about.columns.items()),
        "nulls": table(nulls),
    }


def _summary(about: SnapshotManifest, leaks: Sequence[CheckResult], pictures: Artifact) -> Metadata:
    failed = [str(result.summary.get("problem", result.name)) for result in leaks if not result.passed]
    stops = any(result.blocks for result in leaks)
    rows, dropped = sum(about.rows.values()), sum(about.dropped.values())
    facts = [f"{problem}." for problem in failed] or ["The leakage checks found nothing."]
    facts += [f"{dropped:,} rows were left out."] if dropped else []
    return summary(
        f"{rows:,} rows of {about.days:,} days" + (": a leak stops the training" if stops else ""),
        facts,
        [("period", "rows", "from"), *_periods(about)],
        in_place(pictures),
    )


def _periods(about: SnapshotManifest) -> list[tuple[str, str, str]]:
    starts = about.boundaries
    periods = {"train": starts.train_start, "validate": starts.validate_start, "test": starts.test_start}
    return [(name, f"{about.rows.get(name, 0):,}", start[:10]) for name, start in periods.items()]


def _label(period: str, label: PeriodLabel) -> dict[str, object]:
    """Return how many rows of a period each class has; of a number, its figures."""
    figures = label.classes if label.classes is not None else label.as_json()
    return {"period": period, **figures}


def _period_texts(bounds: SplitBoundaries) -> Iterator[str]:
    starts = {"train": bounds.train_start, "validate": bounds.validate_start, "test": bounds.test_start}
    for (name, start), end in zip(starts.items(), [*[*starts.values()][1:], bounds.end], strict=True):
        yield f"{name}: {period_text(start, end)}"
    yield f"labels settle within {bounds.horizon}"


class SnapshotBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "snapshot"
    build = staticmethod(build_snapshot_asset)

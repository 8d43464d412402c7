"""The asset of a trained model: fitted once, numbered, and logged to MLflow."""

from datetime import UTC, datetime

import dagster as dg

from ml_platform.core.errors import listed
from ml_platform.declarations.graph import Node
from ml_platform.models.train import train_model
from ml_platform.models.training_curve import training_curve
from ml_platform.project import Project
from ml_platform.reporting.mlflow.outbox import is_tracked, track
from ml_platform.reporting.mlflow.records import training_record
from ml_platform.reporting.plots.pictures import training_pictures
from ml_platform.reporting.plots.small_pictures import small_training_pictures
from ml_platform.storage.artifact_kinds.trained_model import RecordedProvenance, TrainedModelManifest
from ml_platform.storage.artifact_kinds.tuning import TuningManifest
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.versions import Version, register_version
from ml_platform_dagster.assets.kinds import algorithm_label
from ml_platform_dagster.assets.metadata import Metadata, bullets, mlflow_url, table
from ml_platform_dagster.assets.node_asset import declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.plots import draw_once, in_place, linked
from ml_platform_dagster.assets.step import Step
from ml_platform_dagster.assets.summary import model_page, summary
from ml_platform_dagster.resources.mlflow import Fit, TrainingTracker, end_mlflow_when_begun
from ml_platform_dagster.resources.project import ProjectParam


def build_trained_model(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of a model's newest version."""
    model = model_of(project, node)

    @declared_asset(
        project, node, kinds={algorithm_label(model.algorithm.name), "mlflow"}, hooks={end_mlflow_when_begun}
    )
    def trained_model(
        context: dg.AssetExecutionContext, project: ProjectParam, mlflow: dg.ResourceParam[TrainingTracker]
    ) -> dg.MaterializeResult[None]:
        step = Step.begin(context, project, node)
        with mlflow.fit(project, model.name, {"ml_platform.model": model.name}) as fit:
            made = train_model(
                project, model.name, step.input("snapshot"), fit.begin, step.input("tuning") if model.tuning else None
            )
            version = register_version(project, model.name, made.artifact, step.now)
            _send_to_mlflow(step, version, made.artifact, fit)
        return step.result(made, _metadata(step, version, made.artifact))

    return trained_model


def _send_to_mlflow(step: Step, version: Version, trained: Artifact, fit: Fit) -> None:
    """Log a version that MLflow does not know; where MLflow is unreachable, the version is logged later."""
    if fit.began is None and is_tracked(step.project, version.model, version.id):
        return
    ended = datetime.now(UTC)
    plots = draw_once(step.project, TrainedModelManifest, trained, training_pictures).objects
    search, curve = _search_of(step, trained), training_curve(step.project, trained)
    record = training_record(version, trained, fit.began or ended, ended, plots, fit.run_id, search, curve)
    delivery = track(step.project, record)
    if delivery.problem:
        step.context.log.warning(f"{delivery.waiting} records wait for MLflow: {delivery.problem}")
    fit.tracker.end_run()


def _search_of(step: Step, trained: Artifact) -> TuningManifest | None:
    """Return the search for a trained model's parameters, None without one."""
    if "tuning" not in trained.inputs:
        return None
    return TuningManifest.of(step.project.store.get("tuning", trained.inputs["tuning"]))


def _metadata(step: Step, version: Version, trained: Artifact) -> Metadata:
    about, project = TrainedModelManifest.of(trained), step.project
    large = draw_once(project, TrainedModelManifest, trained, training_pictures)
    return {
        **_summary(step, version, trained),
        "version": str(version),
        **mlflow_url(project, version.model, version.id),
        "rows for training": about.rows.get("train", 0),
        "size (MB)": about.size_mb[about.deployed],
        "algorithm": about.fitted_algorithm,
        "parameters": dg.MetadataValue.json(about.params),
        "rows": dg.MetadataValue.json(about.rows),
        "columns": table([{"column": name, "importance": share} for name, share in about.importances]),
        "large pictures": dg.MetadataValue.md(linked(large)),
        **({"refit": about.refit.text} if about.refit else {}),
        "notes": bullets(about.notes),
        "reproduce": dg.MetadataValue.md(f"`ml-platform reproduce {version}`"),
        "commit": _commit(about.provenance),
    }


def _summary(step: Step, version: Version, trained: Artifact) -> Metadata:
    about = TrainedModelManifest.of(trained)
    small = draw_once(step.project, TrainedModelManifest, trained, small_training_pictures)
    return summary(
        f"Version {version.number}: {about.fitted_algorithm}, fitted on {about.rows.get('train', 0):,} rows",
        [
            f"Its newest training row is of {about.until[:10]}.",
            *([about.refit.text] if about.refit else []),
            *(f"{note}." for note in about.notes),
        ],
        pictures=in_place(small),
        links=[model_page(version.model)],
    )


def _commit(provenance: RecordedProvenance | None) -> str:
    """Return the commit that a version was trained from, and what differed from it."""
    if provenance is None:
        return "not recorded"
    git = provenance.git
    if git is None:
        return "in no repository"
    return f"{git.commit}, with changes in {listed(git.changed)}" if git.dirty else git.commit


class TrainedModelBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "trained_model"
    build = staticmethod(build_trained_model)

"""The asset of a search for parameters: trials with their progress, the curve, and the best of them."""

import dagster as dg

from ml_platform.core.errors import listed
from ml_platform.declarations.graph import Node
from ml_platform.models.tuning.search import Progress
from ml_platform.models.tuning.trial import Trial
from ml_platform.models.tuning.tune import tune_model
from ml_platform.project import Project
from ml_platform.reporting.plots.small_pictures import small_tuning_pictures
from ml_platform.storage.artifact_kinds.tuning import TuningManifest
from ml_platform.storage.manifest import Artifact
from ml_platform_dagster.assets.kinds import algorithm_label
from ml_platform_dagster.assets.metadata import Metadata, plotted, table
from ml_platform_dagster.assets.node_asset import declared_asset, model_of
from ml_platform_dagster.assets.node_builder import NodeBuilder
from ml_platform_dagster.assets.plots import draw_once, in_place
from ml_platform_dagster.assets.step import Step
from ml_platform_dagster.assets.summary import model_page, summary
from ml_platform_dagster.resources.project import ProjectParam


def build_tuning(project: Project, node: Node) -> dg.AssetsDefinition:
    """Return the asset of the newest search of a model."""
    model = model_of(project, node)

    @declared_asset(project, node, kinds={algorithm_label(model.algorithm.name), "optuna"})
    def tuning(context: dg.AssetExecutionContext, project: ProjectParam) -> dg.MaterializeResult[None]:
        step = Step.begin(context, project, node)
        assert model.tuning is not None, "only models that declare tuning have this node"
        made = tune_model(project, model.name, step.input("snapshot"), _progress(step, model.tuning.trials))
        return step.result(made, _metadata(step, made.artifact))

    return tuning


def _progress(step: Step, trials: int) -> Progress:
    """Return what logs each trial, and shows the best loss so far on the asset's page while the search is at work."""

    def show(number: int, trial: Trial, best: Trial) -> None:
        loss = f"{trial.losses[-1]:.6g}" if trial.losses else "no loss"
        figures = plotted({"trial": number, "of trials": trials, "best loss so far": best.losses[-1]})
        step.context.log.info(f"Trial {number} of {trials} {trial.state}: {loss}, best {best.losses[-1]:.6g}.")
        step.context.log_event(dg.AssetObservation(asset_key=step.context.asset_key, metadata=figures))

    return show


def _metadata(step: Step, tuned: Artifact) -> Metadata:
    about = TuningManifest.of(tuned)
    pictures = draw_once(step.project, TuningManifest, tuned, small_tuning_pictures)
    rows = [
        {"trial": place, "state": trial.state, about.score: trial.losses[-1] if trial.losses else None, **trial.params}
        for place, trial in enumerate(about.trials, 1)
    ]
    folds = [f"{fold.start[:10]} to {fold.end[:10]} ({fold.judged:,} rows)" for fold in about.folds]
    best = listed([f"{name} {_short(value)}" for name, value in about.params.items()]) or "the declared parameters"
    return {
        **summary(
            about.text,
            [f"Best: {best}.", f"Judged on {listed(folds)}.", _ENDED[about.ended]],
            pictures=in_place(pictures),
            links=[model_page(about.model)],
        ),
        "best parameters": dg.MetadataValue.json(about.params),
        **plotted({"best loss": about.best_trial.losses[-1], "declared loss": about.declared.losses[-1]}),
        "score": about.score,
        "trials": table(rows),
        "seconds of trials": round(sum(about.seconds), 1),
    }


_ENDED = {"trials": "Every declared trial was made.", "budget": "The search ended because its budget was spent."}


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class TuningBuilder(NodeBuilder):
    """Builds the asset of a node of this kind."""

    name = "tuning"
    build = staticmethod(build_tuning)

"""The jobs over assets: update everything, ingest, and for each model scoring and retraining."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from ml_platform.declarations.graph import Node
from ml_platform.declarations.node_kinds import Stage, node_kind
from ml_platform_dagster.assets.node_asset import asset_key
from ml_platform_dagster.assets.snapshot import RETRAIN_TAG
from ml_platform_dagster.resources.dagster_private import AssetJob

FACTORY = "update_everything"
INGEST = "ingest_sources"


def score_job_name(model: str) -> str:
    """Return the name of the job that scores a model's population and monitors the model."""
    return f"score_{model}"


def retrain_job_name(model: str) -> str:
    """Return the name of the job that retrains a model."""
    return f"retrain_{model}"


def build_asset_jobs(nodes: Sequence[Node], models: Iterable[str]) -> dict[str, AssetJob]:
    """Return the jobs by name."""
    data = [node for node in nodes if node_kind(node.kind).stage == "data"]
    jobs = [
        _job(FACTORY, nodes, "Computes everything that changed, of all models. Unchanged steps are skipped."),
        _job(INGEST, data, "Reads the sources and refreshes the feature tables."),
    ]
    for model in models:
        refreshed, retrained = _stages(nodes, model, "refresh"), _stages(nodes, model, "make")
        text = f"Scores the population of {model}, and monitors the model."
        jobs.append(_job(score_job_name(model), refreshed, text))
        text = f"Retrains {model}: snapshot, training, evaluation, and deployment if it passes."
        jobs.append(_job(retrain_job_name(model), retrained, text, {RETRAIN_TAG: "true"}))
    return {job.name: job for job in jobs}


def _job(name: str, nodes: Iterable[Node], description: str, tags: Mapping[str, str] | None = None) -> AssetJob:
    selection = dg.AssetSelection.assets(*(asset_key(node.name) for node in nodes))
    return dg.define_asset_job(name, selection, description=description, tags=tags)


def _stages(nodes: Sequence[Node], model: str, stage: Stage) -> list[Node]:
    """Return a model's nodes of one stage, with the data that they are made from."""
    wanted = {node.name for node in nodes if node.group == model and node_kind(node.kind).stage == stage}
    of_stage: list[Node] = []
    for node in reversed(nodes):  # every node comes after its inputs
        if node.name in wanted:
            of_stage.append(node)
            wanted |= {name for name in node.inputs if node_kind(name.kind).stage == "data"}
    return of_stage[::-1]

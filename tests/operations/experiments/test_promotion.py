"""Promoting an experiment on a small production: the files, the model that the next run finds, and what is refused."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_platform.core.errors import ArtifactDamaged
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.train import train_model
from ml_platform.operations.experiments.launch import Wanted, run_experiment
from ml_platform.operations.experiments.listing import experiment_named
from ml_platform.operations.experiments.promotion import carry_out, plan_promotion
from ml_platform.operations.experiments.space import ExperimentError
from ml_platform.operations.planning.changes import beside_trained, changes_since_run, declared_nodes
from ml_platform.operations.planning.planner import plan_project
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion
from ml_platform.reporting.mlflow.experiment_runs import log_experiment
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.last_declarations import record_declared
from ml_platform.storage.outputs import current_output
from tests.audit.verify.factory import MODEL, build_factory, copy_factory, inputs_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
]  # MLflow's own models
NOW = datetime(2024, 3, 3, tzinfo=UTC)
TABLE = "features/courier_recent.yaml"
BEFORE, AFTER = "minutes_late >= 30, windows: [7d]", "minutes_late >= 30, windows: [3d, 7d]"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a production with experiments that change a feature, a source, and a parameter without an effect."""
    folder = tmp_path_factory.mktemp("made")
    project = build_factory(folder / "shop")
    project.database.engine.dispose()
    production = open_project(project.root)
    for name, path, before, after in (
        ("feature", TABLE, BEFORE, AFTER),
        ("source", "sources/deliveries.yaml", "delay: 10m", "delay: 20m"),
        ("equal", f"models/{MODEL}.yaml", "num_leaves: 7", "num_leaves: 7, max_depth: 7"),  # 7 leaves are never deeper
    ):
        shutil.copytree(production.root, folder / name, ignore=shutil.ignore_patterns(".ml_platform"))
        text = (folder / name / path).read_text()
        assert before in text
        (folder / name / path).write_text(text.replace(before, after))
        run_experiment(production, Wanted(name, folder / name), NOW)
    return production


@pytest.fixture
def production(made: Project, tmp_path: Path) -> Project:
    return copy_factory(made, tmp_path / "shop")


def test_the_change_is_a_diff_and_nothing_is_written_before_it_is_carried_out(production: Project) -> None:
    before = (production.root / TABLE).read_text()
    promotion = plan_promotion(production, experiment_named(production, "feature"))
    (change,) = promotion.files
    assert change.path == TABLE
    assert [line for line in change.diff.splitlines() if line[0] in "+-"] == [
        f"--- a/{TABLE}",
        f"+++ b/{TABLE}",
        f"-  late_share: {{share: {BEFORE}}}",
        f"+  late_share: {{share: {AFTER}}}",
    ]
    assert (production.root / TABLE).read_text() == before


def test_a_run_after_the_promotion_trains_nothing(production: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    promotion = plan_promotion(production, experiment_named(production, "feature"))
    (model,) = promotion.models
    assert model.taken_over
    carry_out(production, promotion)
    shutil.rmtree(promotion.experiment.space.folder)  # production has all that it needs
    after = open_project(production.root)
    assert AFTER in (after.root / TABLE).read_text()
    verdicts = {node.node: node.verdict for node in plan_project(after, NOW.replace(day=2, hour=13)).nodes}
    assert (verdicts[f"{MODEL}/snapshot"], verdicts[f"{MODEL}/trained_model"]) == ("up to date", "up to date")
    monkeypatch.setattr("ml_platform.models.train.fit_predictors", None)
    inputs = inputs_of(after)
    table = build_feature_table(after, "courier_recent", inputs["sources/deliveries"])
    assert table.reused
    last = after.store.get("snapshot", str(current_output(after.database, f"{MODEL}/snapshot")))
    as_of = datetime.fromisoformat(SnapshotManifest.of(last).as_of)
    snapshot = build_snapshot(after, MODEL, inputs | {"features/courier_recent": table.artifact.id}, as_of)
    trained = train_model(after, MODEL, snapshot.artifact.id)
    assert snapshot.reused
    assert trained.reused
    assert model.reusable is not None
    assert trained.artifact.id == model.reusable.id
    after.database.engine.dispose()


def test_a_model_that_was_taken_over_need_not_be_trained(production: Project) -> None:
    for name, node in declared_nodes(production.spec).items():
        record_declared(production.database, name, node.decided)
    carry_out(production, plan_promotion(production, experiment_named(production, "feature")))
    after = open_project(production.root)
    compared = changes_since_run(after.spec, after.database)
    training, others = (
        f"{MODEL} must be trained again",
        f"predictions of {MODEL} are made for other rows, or of other columns",
    )
    assert [change.breaks for change in compared.breaking] == [training, others]
    now = NOW.replace(day=2, hour=13)
    assert [change.breaks for change in beside_trained(compared, after, now).breaking] == [others]
    due = datetime(2030, 1, 1, tzinfo=UTC)  # a scheduled retraining trains it again
    assert [change.breaks for change in beside_trained(compared, after, due).breaking] == [training, others]
    after.database.engine.dispose()


def test_a_model_that_equals_a_version_by_another_declaration_is_taken_over(production: Project) -> None:
    experiment = experiment_named(production, "equal")
    live = champion(production, MODEL)
    assert live is not None
    assert (experiment.result()["trained_model"], experiment.result()["trained_now"]) == (live.id, True)
    (model,) = (promotion := plan_promotion(production, experiment)).models
    assert (model.taken_over, model.reason) == (True, "production has this trained model already")
    carry_out(production, promotion)
    after = open_project(production.root)
    verdicts = {node.node: node.verdict for node in plan_project(after, NOW.replace(day=2, hour=13)).nodes}
    assert verdicts[f"{MODEL}/trained_model"] == "up to date"
    snapshot = str(current_output(after.database, f"{MODEL}/snapshot"))
    trained = train_model(after, MODEL, snapshot)
    assert (trained.reused, trained.artifact.id) == (True, live.id)
    after.database.engine.dispose()


def test_an_experiment_has_runs_in_an_mlflow_apart(production: Project) -> None:
    from mlflow import MlflowClient

    experiment = experiment_named(production, "feature")
    before = sorted(path for path in production.state.rglob("*") if experiment.space.folder not in path.parents)
    uris = {log_experiment(production, experiment) for _ in range(2)}  # the second writes nothing
    (uri,) = uris
    assert uri.startswith(f"sqlite:///{experiment.space.folder}")
    client = MlflowClient(uri)
    (folder,) = (item for item in client.search_experiments() if item.name != "Default")
    assert folder.name == f"{production.spec.name} feature/{MODEL}"
    (run,) = client.search_runs([folder.experiment_id])
    result = experiment.result()
    assert run.data.metrics["auc"] == result["figures"]["auc"]
    assert run.data.metrics["gain_over_live_amount"] == result["paired"]["difference"]["amount"]
    assert run.data.params["params.num_leaves"] == "7"
    assert run.data.tags["ml_platform.experiment"] == "feature"
    after = sorted(path for path in production.state.rglob("*") if experiment.space.folder not in path.parents)
    assert after == before


def test_a_model_of_a_source_that_no_run_has_read_yet_is_trained_by_the_run(production: Project) -> None:
    (model,) = plan_promotion(production, experiment_named(production, "source")).models
    assert not model.taken_over
    assert "a run must first read source" in model.reason


def test_a_file_that_changed_on_both_sides_is_refused_and_another_one_is_kept(production: Project) -> None:
    readme = production.root / "models/late_parcel.yaml"
    readme.write_text(readme.read_text() + "# a comment of a colleague\n")
    promotion = plan_promotion(open_project(production.root), experiment_named(production, "feature"))
    assert [change.path for change in promotion.files] == [TABLE]
    assert [model.taken_over for model in promotion.models] == [True]
    table = production.root / TABLE
    table.write_text(table.read_text().replace("refresh: 1h", "refresh: 2h"))
    with pytest.raises(ExperimentError, match=r"changed the same files since then: features/courier_recent\.yaml"):
        plan_promotion(open_project(production.root), experiment_named(production, "feature"))


def test_another_edit_that_decides_the_model_lets_the_run_train_it(production: Project) -> None:
    file = production.root / "models/late_parcel.yaml"
    file.write_text(file.read_text().replace("num_leaves: 7", "num_leaves: 5"))
    (model,) = plan_promotion(open_project(production.root), experiment_named(production, "feature")).models
    assert not model.taken_over
    assert "not those of the experiment" in model.reason


def test_a_damaged_artifact_is_not_taken_over_and_nothing_is_written(production: Project) -> None:
    experiment = experiment_named(production, "feature")
    promotion = plan_promotion(production, experiment)
    (manifest,) = (experiment.space.store / "manifests/trained_model").iterdir()
    files = [path for path in (experiment.space.store / "objects").rglob("*") if path.is_file()]
    for file in files:
        file.write_bytes(file.read_bytes()[:-1] + b"!")
    before = sorted(path for path in (production.state / "store").rglob("*"))
    with pytest.raises(ArtifactDamaged):
        carry_out(production, promotion)
    assert sorted(path for path in (production.state / "store").rglob("*")) == before
    assert BEFORE in (production.root / TABLE).read_text()
    assert manifest.exists()

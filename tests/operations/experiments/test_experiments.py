"""An experiment on a small production: what it makes is what a run would make, and its money that of a loop."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.core.errors import DeclarationError, UnknownModel
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.features.build import build_feature_table
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import train_model
from ml_platform.operations.experiments.launch import Wanted, run_experiment
from ml_platform.operations.experiments.listing import experiment_named, list_experiments, remove_experiment
from ml_platform.operations.experiments.rows import read_rows
from ml_platform.operations.experiments.space import ExperimentError
from ml_platform.operations.experiments.words import difference_text
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.outputs import current_output
from tests.audit.verify.factory import MODEL, build_factory, copy_factory, inputs_of

pytestmark = pytest.mark.slow
NOW = datetime(2024, 3, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = build_factory(tmp_path_factory.mktemp("factory"))
    project.database.engine.dispose()
    return open_project(project.root)


def changed(production: Project, folder: Path, path: str, before: str, after: str) -> Path:
    """Write a copy of a project's declarations with one change."""
    shutil.copytree(production.root, folder, ignore=shutil.ignore_patterns(".ml_platform"))
    text = (folder / path).read_text()
    assert before in text
    (folder / path).write_text(text.replace(before, after))
    return folder


@pytest.fixture(scope="module")
def other_feature(production: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("changed") / "shop"
    return changed(
        production,
        folder,
        "features/courier_recent.yaml",
        "minutes_late >= 30, windows: [7d]",
        "minutes_late >= 30, windows: [3d, 7d]",
    )


@pytest.fixture(scope="module")
def tried(production: Project, other_feature: Path) -> dict:
    run_experiment(production, Wanted("feature", other_feature), NOW)
    return dict(experiment_named(production, "feature").record)


def test_a_changed_feature_gives_the_model_that_a_run_would_train(
    production: Project, other_feature: Path, tried: dict, tmp_path: Path
) -> None:
    (result,) = tried["models"]
    copied = copy_factory(production, tmp_path / "copy")
    (copied.root / "features/courier_recent.yaml").write_text(
        (other_feature / "features/courier_recent.yaml").read_text()
    )
    plain = open_project(copied.root)
    inputs = inputs_of(plain)
    inputs["features/courier_recent"] = build_feature_table(
        plain, "courier_recent", inputs["sources/deliveries"]
    ).artifact.id
    last = plain.store.get("snapshot", str(current_output(plain.database, f"{MODEL}/snapshot")))
    as_of = datetime.fromisoformat(SnapshotManifest.of(last).as_of)
    snapshot = build_snapshot(plain, MODEL, inputs, as_of).artifact
    assert result["snapshot"] == snapshot.id
    assert result["trained_model"] == train_model(plain, MODEL, snapshot.id).artifact.id
    assert result["trained_now"]
    plain.database.engine.dispose()


def test_what_production_has_is_read_and_only_the_change_is_computed(production: Project, tried: dict) -> None:
    assert {step["node"]: step["reused"] for step in tried["steps"]} == {
        "features/courier_recent": False,
        f"{MODEL}/snapshot": False,
        f"{MODEL}/trained_model": False,
    }
    assert (tried["ingested"], tried["network"], tried["problem"]) == ([], False, None)
    writable = experiment_named(production, "feature").space.writable
    assert sorted(path.name for path in (writable / "store/manifests").iterdir()) == [
        "checks",
        "evaluation",
        "feature_table",
        "snapshot",
        "trained_model",
    ]
    assert not (writable / "work").exists()


def test_money_against_the_live_version_is_that_of_a_loop_over_shared_rows(production: Project, tried: dict) -> None:
    (result,) = tried["models"]
    space = experiment_named(production, "feature").space
    live = champion(production, MODEL)
    assert live is not None
    assert result["live"]["version"] == str(live)
    trained = production.store.get("trained_model", live.id)
    snapshot = production.store.get("snapshot", str(current_output(production.database, f"{MODEL}/snapshot")))
    frame = load_snapshot(production, snapshot.id, ("test",)).part("test")
    taken = load_predictor(production, trained).predict(frame)["action"]
    payoffs = {True: {"upgrade": 5.0, "wait": 0.0}, False: {"upgrade": -4.0, "wait": 0.0}}
    earned = sum(payoffs[bool(label)][action] for label, action in zip(frame["label"], taken, strict=True))
    rows, _ = read_rows(space.rows(MODEL))
    assert len(rows.value) == len(frame) == result["paired"]["rows"]
    assert result["live"]["gain"]["amount"] == pytest.approx(earned)
    assert result["paired"]["gain"]["amount"] == pytest.approx(rows.value.sum())
    assert result["paired"]["difference"]["amount"] == pytest.approx(rows.value.sum() - earned)
    assert sorted(pd.Series(rows.days).unique()) == sorted(
        frame["effective_time"].dt.floor("D").dt.tz_localize(None).unique()
    )


def test_an_unchanged_project_trains_nothing_and_earns_the_same(production: Project) -> None:
    run_experiment(production, Wanted("same"), NOW)
    experiment = experiment_named(production, "same")
    result = experiment.result(MODEL)
    assert all(step["reused"] for step in experiment.record["steps"])
    assert not result["trained_now"]
    assert result["paired"]["difference"]["amount"] == 0
    assert result["trained_model"] == result["live"]["id"]
    assert difference_text(result).startswith("It earned the same as late_parcel@")


def test_payoffs_of_the_experiment_judge_both_and_the_record_notes_it(production: Project, tmp_path: Path) -> None:
    folder = changed(production, tmp_path / "shop", f"models/{MODEL}.yaml", "-4 + label * 9", "-3 + label * 9")
    run_experiment(production, Wanted("payoffs", folder), NOW)
    result = experiment_named(production, "payoffs").result()
    assert any("both are judged by those of the experiment" in note for note in result["paired"]["notes"])


def test_a_changed_source_is_read_from_the_changed_project(production: Project, tmp_path: Path) -> None:
    folder = changed(production, tmp_path / "shop", "sources/deliveries.yaml", "delay: 10m", "delay: 20m")
    run_experiment(production, Wanted("source", folder), NOW)
    record = experiment_named(production, "source").record
    assert record["ingested"] == ["deliveries", "parcels"] or record["ingested"] == ["deliveries"]
    steps = {step["node"]: step["reused"] for step in record["steps"]}
    assert steps["sources/deliveries"] is False
    assert "sources/orders" not in steps


def test_a_model_that_cannot_be_made_has_its_problem_as_result(production: Project, tmp_path: Path) -> None:
    folder = changed(production, tmp_path / "shop", f"models/{MODEL}.yaml", "test: 14d", "test: 400d")
    run_experiment(production, Wanted("long", folder), NOW)
    experiment = experiment_named(production, "long")
    assert "has no row" in experiment.record["models"][0]["problem"]
    assert experiment.state.startswith("failed: late_parcel: the")
    with pytest.raises(ExperimentError, match="has no result"):
        experiment.result()


def test_faults_are_raised_before_anything_is_made(production: Project, tmp_path: Path) -> None:
    names = [item.name for item in list_experiments(production)]
    folder = changed(production, tmp_path / "shop", f"models/{MODEL}.yaml", "test: 14d", "test: -1d")
    with pytest.raises(DeclarationError, match="split"):
        run_experiment(production, Wanted("faulty", folder), NOW)
    with pytest.raises(UnknownModel):
        run_experiment(production, Wanted("faulty", None, ("nobody",)), NOW)
    for name in ("Upper", "a/b", "..", "", "x" * 65):
        with pytest.raises(ExperimentError, match="cannot be the name"):
            run_experiment(production, Wanted(name), NOW)
    assert [item.name for item in list_experiments(production)] == names


def test_a_name_is_used_once_and_an_experiment_is_removed_whole(production: Project) -> None:
    run_experiment(production, Wanted("twice"), NOW)
    with pytest.raises(ExperimentError, match="there is an experiment twice already"):
        run_experiment(production, Wanted("twice"), NOW)
    size = experiment_named(production, "twice").space.size()
    assert remove_experiment(production, "twice") == size > 0
    with pytest.raises(ExperimentError, match="no experiment twice"):
        experiment_named(production, "twice")


def test_a_record_is_plain_json_and_names_who_made_it(production: Project, tried: dict) -> None:
    assert json.loads(experiment_named(production, "feature").space.record.read_text()) == tried
    assert tried["at"] == "2024-03-03T00:00:00.000000Z"
    assert tried["declared"]["models/late_parcel split.test"] == "14d"

"""The simplest algorithm that is good enough becomes the model: by money, on rows that judge nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_platform.audit.reproduce.reproducer import reproduce
from ml_platform.core.errors import DeclarationError, TrainingError
from ml_platform.models.ladder import Ladder, others_of, simpler_than
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import train_model
from ml_platform.project import Project, open_project
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.registry.resolve import version_named
from ml_platform.reporting.plots.pictures import evaluation_pictures
from ml_platform.reporting.plots.small_pictures import small_evaluation_pictures
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.trained_model import Rung, TrainedModelManifest
from ml_platform.storage.versions import register_version
from tests.models.rows import HandMadeSnapshot, keep_snapshots, shop_project, shop_rows, snapshot
from tests.models.test_from_sources import make_champion
from tests.worlds import LATE_PARCEL, LATENESS, NOW, write_shop

BASELINES = "baselines:\n  - {name: rule, expression: courier_recent.mean_late_7d > 20}\n  - logistic_regression\n"


def choosing(directory: Path, choose: str = "simplest", baselines: str = BASELINES) -> Project:
    text = LATE_PARCEL.replace(BASELINES, baselines)
    return shop_project(directory, models__late_parcel=f"{text}choose: {choose}\n")


def curved_snapshot() -> Any:
    """Rows whose label is a parity: no line separates it, and trees do."""
    parts = {}
    for place, name in enumerate(("train", "validate", "test")):
        rows = shop_rows(1500, seed=place)
        rows["label"] = (rows["orders.items"] % 2 == 0).to_numpy()
        parts[name] = rows
    return HandMadeSnapshot(parts)


@pytest.mark.parametrize(
    ("gains", "margin", "chosen"),
    [
        ([1.0, 1.0, 1.0], 0.0, 0),
        ([0.97, 0.98, 1.0], 0.02, 1),
        ([0.97, 0.98, 1.0], 0.0, 2),
        ([0.5, 1.0, 0.9], 0.0, 1),
        ([-1.02, -1.0], 0.02, 0),
        ([-1.03, -1.0], 0.02, 1),
        ([0.0, 0.0], 0.5, 0),
    ],
)
def test_the_first_within_the_margin_of_the_best_is_chosen(gains: list[float], margin: float, chosen: int) -> None:
    ladder = Ladder(tuple(Rung(name=str(place), gain=gain) for place, gain in enumerate(gains)), margin, 9)
    assert ladder.chosen == chosen
    near = [gain >= max(gains) - margin * abs(max(gains)) for gain in gains]
    assert chosen == near.index(True)


@pytest.mark.slow
def test_each_gain_is_what_a_loop_over_the_validate_rows_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = snapshot()
    keep_snapshots(monkeypatch, {"s": made})
    project = choosing(tmp_path, "{simplest_within: 0.9}")
    trained = train_model(project, "late_parcel", "s").artifact
    about = TrainedModelManifest.of(trained)
    assert about.choice is not None
    rows, gains = made.part("validate"), {}
    parts = {"predictor": about.choice.chosen, "declared_algorithm": "lightgbm"}
    parts |= {name: name.partition("/")[2] for name in about.predictors if name.startswith("baseline/")}
    for part, name in parts.items():
        taken = load_predictor(project, trained, part).predict(rows)["action"]
        earned = [
            (-4 + 9 * late) if action == "upgrade" else 0 for action, late in zip(taken, rows["label"], strict=True)
        ]
        gains[name] = sum(earned) / len(earned)
    assert {rung.name for rung in about.choice.rungs} == set(gains) == {"rule", "logistic_regression", "lightgbm"}
    for rung in about.choice.rungs:
        assert rung.gain == pytest.approx(gains[rung.name])
    assert about.choice.rows == len(rows)
    assert any("was chosen" in note for note in about.notes)


@pytest.mark.slow
def test_a_line_is_chosen_where_trees_find_no_more_and_trees_where_they_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_snapshots(monkeypatch, {"line": snapshot(count=2000), "curve": curved_snapshot()})
    project = choosing(tmp_path, "{simplest_within: 0.1}")
    line, curve = (train_model(project, "late_parcel", name).artifact for name in ("line", "curve"))
    assert TrainedModelManifest.of(line).choice.chosen == "logistic_regression"
    assert TrainedModelManifest.of(line).fitted_algorithm == "LogisticRegression"
    assert others_of(line) == ["baseline/rule", "declared_algorithm"]
    assert simpler_than(line) == ["baseline/rule"]
    assert load_predictor(project, line).estimator.__class__.__name__ != "LightGBM"
    assert TrainedModelManifest.of(curve).fitted_algorithm == "lightgbm"
    assert others_of(curve) == simpler_than(curve) == ["baseline/rule", "baseline/logistic_regression"]


@pytest.mark.slow
def test_without_choose_the_declared_algorithm_is_the_model_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_snapshots(monkeypatch, {"s": snapshot()})
    plain = train_model(shop_project(tmp_path / "plain"), "late_parcel", "s").artifact
    about = TrainedModelManifest.of(plain)
    assert (about.choice, about.fitted_algorithm) == (None, "lightgbm")
    assert "choice" not in plain.about
    chosen = train_model(choosing(tmp_path / "chosen"), "late_parcel", "s").artifact
    assert chosen.about["declaration"] != plain.about["declaration"]


@pytest.mark.slow
def test_numbers_are_chosen_by_their_payoff_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_snapshots(monkeypatch, {"s": snapshot(label="minutes", count=1500)})
    text = LATENESS + "choose: {simplest_within: 0.2}\n"
    trained = train_model(shop_project(tmp_path, models__lateness=text), "lateness", "s").artifact
    choice = TrainedModelManifest.of(trained).choice
    assert choice is not None
    assert choice.chosen == "ridge"
    assert all(np.isfinite(rung.gain) for rung in choice.rungs)


@pytest.mark.slow
def test_a_chosen_version_is_evaluated_beside_the_declared_algorithm_and_reproduced(tmp_path: Path) -> None:
    folder = write_shop(tmp_path / "shop")
    path = folder / "models/late_parcel.yaml"
    path.write_text(path.read_text() + "choose: {simplest_within: 0.5}\n")
    project = open_project(folder)
    ids = make_champion(project, "late_parcel")
    trained = project.store.get("trained_model", ids["trained"])
    register_version(project, "late_parcel", trained, NOW)
    choice = TrainedModelManifest.of(trained).choice
    assert choice is not None
    assert choice.chosen != "lightgbm"
    made = evaluate_model(project, "late_parcel", trained.id, ids["snapshot"], None).artifact
    about, manifest = made.about, EvaluationManifest.of(made)
    names = [item["name"] for item in about["contenders"]]
    assert names == ["challenger", *others_of(trained), "do_nothing"]
    assert "declared_algorithm" in names
    assert [line["other"] for line in about["release"]["compared"]] == ["do_nothing", *simpler_than(trained)]
    for pictures in (evaluation_pictures(manifest), small_evaluation_pictures(manifest)):
        assert all(pictures.values())
    assert reproduce(project, version_named(project, "late_parcel@1")).same


def test_a_gain_that_is_no_number_chooses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_snapshots(monkeypatch, {"s": snapshot()})
    monkeypatch.setattr("ml_platform.models.choose.np.mean", lambda values: np.inf)
    with pytest.raises(TrainingError, match="is not a finite number"):
        train_model(choosing(tmp_path), "late_parcel", "s")


def test_a_choice_without_baselines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="choose needs baselines to choose from, found none"):
        choosing(tmp_path, baselines="")


@pytest.mark.parametrize("choose", ["best", "{simplest_within: 1.0}", "{simplest_within: -0.1}"])
def test_a_choice_that_is_empty_is_refused(tmp_path: Path, choose: str) -> None:
    with pytest.raises(DeclarationError, match="choose"):
        choosing(tmp_path, choose)


@pytest.mark.slow
def test_rows_without_a_value_choose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = snapshot(label="minutes")
    made.part("validate")["orders.amount"] = np.nan
    keep_snapshots(monkeypatch, {"s": made})
    text = f"{LATENESS}choose: simplest\n".replace("payoff: -0.05 *", "payoff: -amount *")
    with pytest.raises(TrainingError, match="choose needs rows of the validate period with a value"):
        train_model(shop_project(tmp_path, models__lateness=text), "lateness", "s")


def test_the_chosen_calibration_is_trained_noted_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_snapshots(monkeypatch, {"s": snapshot()})
    project = shop_project(tmp_path / "choose", models__late_parcel=f"{LATE_PARCEL}calibration: choose\n")
    trained = train_model(project, "late_parcel", "s").artifact
    (note,) = (item for item in TrainedModelManifest.of(trained).notes if item.startswith("calibration"))
    name = note.split()[1]
    declared = shop_project(tmp_path / "declared", models__late_parcel=f"{LATE_PARCEL}calibration: {name}\n")
    same = train_model(declared, "late_parcel", "s").artifact
    assert load_predictor(project, trained).id == load_predictor(declared, same).id
    assert same.id == trained.id

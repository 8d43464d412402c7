"""Gates that depend on the machine: measured when a version is deployed, recorded there, and in no evaluation."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_platform.core.errors import DeclarationError, ReleaseRefused
from ml_platform.declarations.gates import MEASURED
from ml_platform.features.build import build_feature_table
from ml_platform.models.environment import environment
from ml_platform.models.predictor import load_predictor
from ml_platform.models.row_form import RowForm
from ml_platform.models.train import train_model
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion, champion_ref
from ml_platform.registry.deploy import deploy
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.registry.evaluation.reasons import gate_text
from ml_platform.registry.measured_gates import judge_measured, last_measured
from ml_platform.registry.measures.all_measures import MEASURES
from ml_platform.reporting.reference.figures import OTHER_FIGURES
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.artifact_kinds.feature_table import FeatureTableManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.ledger.lines import ledger_lines
from ml_platform.storage.outputs import record_output
from tests.models.test_from_sources import make_champion
from tests.worlds import LATE_PARCEL, NOW, write_shop

pytestmark = pytest.mark.slow


def limited(project: Project, gates: str) -> Project:
    """Return the project whose model declares other gates."""
    text = LATE_PARCEL.replace('gates: {auc: ">= 0.55"}', f"gates: {gates}")
    (project.root / "models/late_parcel.yaml").write_text(text)
    return open_project(project.root)


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return open_project(write_shop(tmp_path / "shop"))


def test_a_fast_version_is_deployed_and_the_ledger_has_what_was_measured(shop: Project) -> None:
    project = limited(shop, '{auc: ">= 0.55", latency_ms: "<= 500"}')
    made = make_champion(project, "late_parcel")
    (line,) = ledger_lines(project.database, champion_ref("late_parcel"))
    (gate,) = line.facts["measured"]
    assert (gate["name"], gate["limit"], gate["passed"]) == ("latency_ms", "<= 500", True)
    assert 0 < gate["figure"] <= 500
    assert "latency in ms " in line.reason
    (recorded,) = last_measured(project, "late_parcel", made["trained"])
    assert recorded.as_json() == gate
    assert "latency_ms" not in project.store.get("evaluation", made["evaluation"]).about["figures"]
    assert [item["name"] for item in project.store.get("evaluation", made["evaluation"]).about["gates"]] == ["auc"]


def test_a_slower_predictor_is_refused_with_figure_and_limit_and_the_champion_stays(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, real = limited(shop, '{latency_ms: "<= 40"}'), RowForm.predict

    def slow(self: RowForm, values: Any, **more: Any) -> Any:
        time.sleep(0.05)
        return real(self, values, **more)

    monkeypatch.setattr("ml_platform.registry.measures.latency.ROWS", 3)
    monkeypatch.setattr(RowForm, "predict", slow)
    with pytest.raises(ReleaseRefused, match=r"latency in ms [\d.]+, required: at most 40") as refused:
        make_champion(project, "late_parcel")
    assert refused.value.measured[0].figure > 50
    assert champion(project, "late_parcel") is None
    monkeypatch.setattr(RowForm, "predict", real)
    made = make_champion(project, "late_parcel")
    assert champion(project, "late_parcel").id == made["trained"]


def test_another_limit_changes_neither_evaluation_nor_trained_model(shop: Project) -> None:
    made = make_champion(shop, "late_parcel")
    project = limited(shop, '{auc: ">= 0.55", latency_ms: "<= 0.001"}')
    same = evaluate_model(project, "late_parcel", made["trained"], made["snapshot"], None)
    assert (same.artifact.id, same.reused) == (made["evaluation"], True)
    assert deploy(project, "late_parcel", made["trained"], made["evaluation"], "ada@shop.example", NOW) is None


def test_the_figure_is_the_median_of_repeats_of_the_median_over_rows(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_champion(shop, "late_parcel")
    project = limited(shop, '{latency_ms: "<= 1"}')
    calls = iter(range(10**6))
    took = {0: 9.0, 1: 0.003, 2: 0.002, 3: 0.005, 4: 0.001, 5: 0.004, 6: 0.002, 7: 0.007}  # seconds, by round
    clock = [0.0]

    def timed(self: RowForm, values: Any, **more: Any) -> None:
        round_, row = divmod(next(calls), 3)
        clock[0] += took[round_] * (1, 1, 100)[row]  # one row of three is far slower

    monkeypatch.setattr("ml_platform.registry.measures.latency.ROWS", 3)
    monkeypatch.setattr(RowForm, "predict", timed)
    monkeypatch.setattr("ml_platform.registry.measures.latency.time.perf_counter", lambda: clock[0])
    trained, evaluation = (
        project.store.get(kind, made[name])
        for kind, name in (("trained_model", "trained"), ("evaluation", "evaluation"))
    )
    (gate,) = judge_measured(project, "late_parcel", load_predictor(project, trained), evaluation, NOW)
    assert gate.figure == pytest.approx(3.0)  # of 3, 2, 5, 1, 4, 2, 7
    assert not gate.passed


def test_a_wrong_name_is_suggested(shop: Project) -> None:
    with pytest.raises(DeclarationError, match=r"latency is not a figure of a binary model\. Did you mean latency_ms"):
        limited(shop, '{latency: "<= 1"}')


def measured(project: Project, made: dict[str, str], now: datetime = NOW, part: str = "predictor") -> dict[str, Any]:
    """Return the measured gates of a version by name."""
    trained, evaluation = (
        project.store.get(kind, made[name])
        for kind, name in (("trained_model", "trained"), ("evaluation", "evaluation"))
    )
    gates = judge_measured(project, "late_parcel", load_predictor(project, trained, part), evaluation, now)
    return {gate.name: gate for gate in gates}


HUNGRY = """
import numpy as np

class Hungry:
    def __init__(self, millions=1):
        self.millions = millions
    def fit(self, X, y, *, validate, seed, threads):
        self.mean = float(np.mean(y))
    def predict(self, X):
        print("what code of a project prints", end="")
        room = np.ones(int(self.millions * 125_000))  # of 8 bytes
        return np.full(len(X), self.mean * room[0])
    def get_state(self):
        return {"mean": self.mean, "millions": self.millions}
    @classmethod
    def from_state(cls, state):
        made = cls(state["millions"])
        made.mean = state["mean"]
        return made
"""


def evaluated(project: Project, snapshot: str) -> dict[str, str]:
    trained = train_model(project, "late_parcel", snapshot).artifact.id
    evaluation = evaluate_model(project, "late_parcel", trained, snapshot, None).artifact.id
    return {"trained": trained, "evaluation": evaluation}


def test_memory_is_that_of_a_new_process_with_all_that_the_predictor_takes(shop: Project) -> None:
    snapshot, peaks = make_champion(shop, "late_parcel")["snapshot"], {}
    (shop.root / "transforms").mkdir()
    (shop.root / "transforms/hungry.py").write_text(HUNGRY)
    lightgbm = "{name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}"
    ballast = np.ones(100_000_000)  # this process has 800 MB more, which are no part of the figure
    for millions in (1, 401):
        algorithm = f'{{name: "transforms.hungry:Hungry", params: {{millions: {millions}}}}}'
        text = LATE_PARCEL.replace(lightgbm, algorithm).replace('auc: ">= 0.55"', 'memory_mb: "<= 500"')
        (shop.root / "models/late_parcel.yaml").write_text(text)
        project = open_project(shop.root)
        peaks[millions] = measured(project, evaluated(project, snapshot))["memory_mb"]
    assert len(ballast)
    assert peaks[401].figure - peaks[1].figure == pytest.approx(400, abs=25)
    assert 60 < peaks[1].figure < 500
    assert (peaks[1].passed, peaks[401].passed) == (True, False)


def test_training_seconds_are_those_of_all_fits(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 112.5])
    monkeypatch.setattr("ml_platform.models.train.time.monotonic", lambda: next(clock, 200.0))
    made = make_champion(shop, "late_parcel")
    gate = measured(limited(shop, '{training_seconds: "<= 10"}'), made)["training_seconds"]
    assert (gate.figure, gate.passed) == (12.5, False)
    trained = shop.store.get("trained_model", made["trained"])
    about = TrainedModelManifest.of(trained)
    assert about.but(seconds=99.0).id_of(trained.inputs, trained.objects) == trained.id


def test_the_age_of_features_is_that_of_the_table_with_the_oldest_data(shop: Project) -> None:
    made = make_champion(shop, "late_parcel")
    table = build_feature_table(shop, "courier_recent", ingest_source(shop, "deliveries", NOW).made.artifact.id)
    record_output(shop.database, "features/courier_recent", "feature_table", table.artifact.id, run="run", at=NOW)
    newest = datetime.fromisoformat(FeatureTableManifest.of(table.artifact).newest)
    project = limited(shop, '{feature_age_hours: "<= 24"}')
    for hours, passed in ((6, True), (30, False)):
        gate = measured(project, made, newest + timedelta(hours=hours))["feature_age_hours"]
        assert (gate.figure, gate.passed) == (pytest.approx(hours), passed)
        assert gate.note.startswith("the newest value of courier_recent is of 2024-")


def test_another_release_of_a_library_is_counted_and_named(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_champion(shop, "late_parcel")
    project = limited(shop, '{environment_differences: "<= 0"}')
    gate = measured(project, made)["environment_differences"]
    assert (gate.figure, gate.passed, gate.note) == (0, True, None)
    real = environment(project.spec.models["late_parcel"])
    here = {**real, "lightgbm": "3.1.4", "numpy": f"{'.'.join(real['numpy'].split('.')[:2])}.999"}
    monkeypatch.setattr("ml_platform.registry.measures.environment.environment", lambda _: here)
    gate = measured(project, made)["environment_differences"]
    assert (gate.figure, gate.passed) == (1, False)
    assert gate.note == f"lightgbm {real['lightgbm']} in training, 3.1.4 here"
    assert gate_text(gate).endswith(f"required: at most 0 ({gate.note})")


def test_a_figure_that_is_not_known_never_passes(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_champion(shop, "late_parcel")
    project = limited(shop, '{training_seconds: "<= 1000", feature_age_hours: "<= 1000"}')
    about = TrainedModelManifest.of(project.store.get("trained_model", made["trained"])).but(seconds=None)
    monkeypatch.setattr(TrainedModelManifest, "of", classmethod(lambda cls, artifact: about))
    gates = measured(project, made)
    assert [(gate.figure, gate.passed) for gate in gates.values()] == [(None, False), (None, False)]
    assert gates["feature_age_hours"].note == "courier_recent has no value"


@pytest.mark.parametrize("name", sorted(MEASURED))
def test_every_measured_gate_has_a_measure_and_is_in_the_reference(name: str) -> None:
    assert callable(MEASURES[name])
    assert name in OTHER_FIGURES

"""Gates that depend on the machine: measured when a version is deployed, recorded there, and in no evaluation."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ml_platform.core.errors import DeclarationError, ReleaseRefused
from ml_platform.models.predictor import load_predictor
from ml_platform.models.row_form import RowForm
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion, champion_ref
from ml_platform.registry.deploy import deploy
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.registry.measured_gates import judge_measured, last_measured
from ml_platform.storage.ledger.lines import ledger_lines
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
    assert "latency_ms is" in line.reason
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

    monkeypatch.setattr("ml_platform.registry.measured_gates.ROWS", 3)
    monkeypatch.setattr(RowForm, "predict", slow)
    with pytest.raises(ReleaseRefused, match=r"latency_ms is [\d.]+, the gate needs <= 40") as refused:
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

    monkeypatch.setattr("ml_platform.registry.measured_gates.ROWS", 3)
    monkeypatch.setattr(RowForm, "predict", timed)
    monkeypatch.setattr("ml_platform.registry.measured_gates.time.perf_counter", lambda: clock[0])
    trained, evaluation = (
        project.store.get(kind, made[name])
        for kind, name in (("trained_model", "trained"), ("evaluation", "evaluation"))
    )
    (gate,) = judge_measured(project, "late_parcel", load_predictor(project, trained), evaluation)
    assert gate.figure == pytest.approx(3.0)  # of 3, 2, 5, 1, 4, 2, 7
    assert not gate.passed


def test_a_wrong_name_is_suggested(shop: Project) -> None:
    with pytest.raises(DeclarationError, match=r"latency is not a figure of a binary model\. Did you mean latency_ms"):
        limited(shop, '{latency: "<= 1"}')

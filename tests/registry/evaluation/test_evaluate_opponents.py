"""A challenger beside the champion and the anchor: who can be compared, and what a release says."""

import pytest

from ml_platform.core.errors import ArtifactDamaged
from ml_platform.registry.evaluation.evaluate import evaluate_model
from tests.models.rows import HandMadeSnapshot, keep_snapshots, shop_project, snapshot
from tests.registry.evaluation.conftest import ACTIONS, LIGHTGBM, by_name, changed_shop, evaluated, trained_id
from tests.worlds import LATE_PARCEL

pytestmark = pytest.mark.slow


def test_a_refresh_is_compared_with_the_champion_less_a_share_of_its_gain_and_with_the_anchor(project):
    old = trained_id(project)
    evaluation = evaluated(project, old, "later")
    release = evaluation.about["release"]
    by_contender = by_name(evaluation)
    assert release["rule"] == "refresh"
    champion, anchor = release["compared"]
    ahead, gain = (
        by_contender["champion"]["challenger_ahead"],
        by_contender["champion"]["figures"]["value_vs_do_nothing"] / 600,
    )
    assert (champion["other"], champion["confidence"], champion["difference"]) == ("champion", 0.5, ahead["per_row"])
    assert champion["allowed"] == pytest.approx(0.02 * gain)
    assert champion["probability"] > ahead["probability"]
    assert (anchor["other"], anchor["confidence"], anchor["probability"]) == ("anchor", 0.9, ahead["probability"])
    assert release["anchor"] == {"id": old, "probability": ahead["probability"]}


def test_versions_that_were_fitted_on_rows_of_the_test_period_are_noted(tmp_path, project, monkeypatch):
    blind = changed_shop(tmp_path, LIGHTGBM, "algorithm: constant")
    first, champion = trained_id(blind), trained_id(project)
    start = "ml_platform.registry.evaluation.evaluate._Evaluation._start"
    monkeypatch.setattr(start, lambda _: "2000-01-01T00:00:00.000000Z")
    notes = evaluated(project, champion, "later", anchor=first).about["notes"]
    until = project.store.get("trained_model", first).about["until"]
    judged = [note for note in notes if "test rows here" in note]
    assert judged == [
        f"the {role} was fitted on rows up to {until}, and some of them are test rows here: its figures are too good."
        for role in ("champion", "anchor")
    ]


def test_the_anchor_is_run_beside_a_champion_that_is_another_version(tmp_path, project):
    blind = changed_shop(tmp_path, LIGHTGBM, "algorithm: constant")
    first, champion = trained_id(blind), trained_id(project)
    evaluation = evaluated(project, champion, "later", anchor=first)
    by_contender = by_name(evaluation)
    assert (by_contender["anchor"]["id"], by_contender["anchor"]["role"]) == (first, "anchor")
    assert evaluation.inputs["anchor"] == first
    line = next(line for line in evaluation.about["release"]["compared"] if line["other"] == "anchor")
    assert line["difference"] == by_contender["anchor"]["challenger_ahead"]["per_row"]
    earned = [by_contender[name]["figures"]["value_per_row"] for name in ("challenger", "anchor")]
    assert line["difference"] == pytest.approx(earned[0] - earned[1])


@pytest.mark.parametrize("constant", [100, -100])
def test_a_constant_in_every_action_changes_no_decision(tmp_path, project, constant):
    richer = changed_shop(
        tmp_path / "richer", ACTIONS, f"    upgrade: {constant} - 4 + label * 9\n    wait: {constant}\n"
    )
    plain_old, richer_old = trained_id(project), trained_id(richer)
    plain = evaluated(project, plain_old, "later").about
    shifted = evaluated(richer, richer_old, "later").about
    assert shifted["verdict"] == plain["verdict"]
    assert shifted["figures"]["value_per_row"] == pytest.approx(plain["figures"]["value_per_row"] + constant)
    for line, other in zip(shifted["release"]["compared"], plain["release"]["compared"], strict=True):
        assert line["passed"] == other["passed"]
        assert line["probability"] == pytest.approx(other["probability"], abs=1e-6)
        assert line["allowed"] == pytest.approx(other["allowed"])


def test_a_planted_better_challenger_is_deployed_and_a_planted_worse_one_is_not(tmp_path, project):
    good = trained_id(project)
    blind = changed_shop(tmp_path, LIGHTGBM, "algorithm: constant")
    bad = trained_id(blind)
    better = evaluate_model(project, "late_parcel", good, "s", bad).artifact.about
    assert better["release"]["rule"] == "changed_declaration"
    assert better["verdict"] == "deploy"
    assert better["release"]["compared"][0]["probability"] > 0.99
    worse = evaluate_model(blind, "late_parcel", bad, "s", good).artifact.about
    assert worse["verdict"] == "keep"
    assert worse["reasons"][0] == "auc is 0.5, the gate needs >= 0.55"
    assert any("% sure that it earns more than the champion, needs 90 %" in reason for reason in worse["reasons"])


def test_the_champion_itself_is_neither_deployed_nor_refused(project):
    trained = trained_id(project)
    about = evaluated(project, trained, trained=trained).about
    assert about["verdict"] == "same"
    assert about["release"]["compared"] == []


def _without_items(directory, monkeypatch):
    """Return a project whose declaration and rows have lost a column."""
    rows = {name: part.drop(columns="orders.items") for name, part in snapshot().parts.items()}
    keep_snapshots(monkeypatch, {"narrow": HandMadeSnapshot(rows)})
    return changed_shop(directory, "orders.amount, orders.items]", "orders.amount]")


def test_a_champion_whose_columns_are_gone_is_a_reason_with_a_way_out(tmp_path, project, monkeypatch):
    old = trained_id(project)
    narrower = _without_items(tmp_path, monkeypatch)
    evaluation = evaluated(narrower, old, "narrow")
    assert evaluation.about["verdict"] == "keep"
    (reason,) = evaluation.about["reasons"]
    assert reason.startswith("the champion cannot be run on these rows: the rows lack column orders.items.")
    assert "declare release: {changed_declaration: {champion: ignore}}" in reason
    assert "champion" not in by_name(evaluation)
    text = LATE_PARCEL.replace("orders.amount, orders.items]", "orders.amount]")
    text = text.replace("deployment:", "release: {changed_declaration: {champion: ignore}}\ndeployment:")
    declared = shop_project(tmp_path, models__late_parcel=text)
    about = evaluated(declared, old, "narrow").about
    assert about["verdict"] == "deploy"
    assert about["release"]["anchor"] is None
    assert about["notes"][-1] == (
        "no anchor can be run on these rows: a version that is deployed on them becomes the anchor."
    )


def test_an_anchor_whose_columns_are_gone_leaves_its_place_to_the_champion(tmp_path, project, monkeypatch):
    anchor = trained_id(project)
    narrower = _without_items(tmp_path, monkeypatch)
    champion = trained_id(narrower, "narrow")
    blind = changed_shop(tmp_path, "orders.amount, orders.items]", "orders.amount]\ncalibration: sigmoid")
    about = evaluated(blind, champion, "narrow", anchor=anchor).about
    assert about["release"]["anchor"]["id"] == champion
    (note,) = [note for note in about["notes"] if note.startswith("the anchor cannot be run on these rows: the rows")]
    assert note.endswith("The champion takes its place.")


def test_a_damaged_champion_is_no_challenger_that_won(project):
    old, new = trained_id(project), trained_id(project, "later")
    stored = project.store.get("trained_model", old).objects["predictor/trees.txt"]
    path = project.state / "store/objects" / stored.sha256[:2] / stored.sha256
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ArtifactDamaged):
        evaluated(project, old, "later", trained=new)


def test_a_champion_that_recommends_an_action_that_is_gone_cannot_be_compared(tmp_path, project):
    old = trained_id(project)
    renamed = changed_shop(tmp_path, "    upgrade: -4", "    courier: -4")
    evaluation = evaluated(renamed, old)
    assert "it recommends upgrade, which value.actions declares no more" in evaluation.about["reasons"][-1]


def test_a_champion_that_was_fitted_on_judged_rows_is_reported(project):
    old = trained_id(project)
    days, note = evaluated(project, old, "later").about["notes"]
    assert days.startswith("approximate: fewer than 90 days")
    assert note.startswith("the champion was fitted on rows up to 2024-01-30T")
    assert evaluated(project).about["notes"] == [days]

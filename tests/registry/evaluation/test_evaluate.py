import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import ArtifactDamaged, EvaluationError
from ml_platform.core.hashing import content_id
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import train_model
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.registry.evaluation.key import evaluation_key
from tests.models.rows import HandMadeSnapshot, keep_snapshots, shop_project, shop_rows, snapshot
from tests.worlds import LATE_PARCEL

pytestmark = pytest.mark.slow

LIGHTGBM = "algorithm: {name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}"
ACTIONS = "    upgrade: -4 + label * 9\n    wait: 0\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    keep_snapshots(
        monkeypatch,
        {
            "s": snapshot(),
            "later": snapshot(seed=10),
            "minutes": snapshot(label="minutes"),
            "lane": snapshot(label="lane"),
        },
    )
    return shop_project(tmp_path)


def _changed(directory, old, new):
    return shop_project(directory, models__late_parcel=LATE_PARCEL.replace(old, new))


def _train(project, snapshot_id="s", model="late_parcel"):
    return train_model(project, model, snapshot_id).artifact.id


def _evaluate(project, champion=None, snapshot_id="s", model="late_parcel", trained=None, anchor=None):
    trained = trained or _train(project, snapshot_id, model)
    return evaluate_model(project, model, trained, snapshot_id, champion, anchor).artifact


def _by_name(evaluation):
    return {item["name"]: item for item in evaluation.about["contenders"]}


def test_every_contender_is_judged_on_identical_rows(project):
    old = _train(project)
    evaluation = _evaluate(project, old, "later")
    by_contender = _by_name(evaluation)
    names = ["challenger", "champion", "baseline/rule", "baseline/logistic_regression", "do_nothing"]
    assert list(by_contender) == names
    assert {item["figures"]["rows"] for item in by_contender.values()} == {600}
    assert by_contender["champion"]["id"] == old
    assert evaluation.inputs == {
        "trained_model": by_contender["challenger"]["id"],
        "snapshot": "later",
        "champion": old,
        "anchor": old,
    }


def test_value_is_the_payoff_of_the_action_that_was_recommended_row_by_row(project):
    evaluation = _evaluate(project)
    rows = snapshot().part("test")
    predictor = load_predictor(project, project.store.get("trained_model", evaluation.inputs["trained_model"]))
    upgraded = predictor.predict(rows)["score"] > 4 / 9
    total = sum(-4 + 9 * label for label, acted in zip(rows["label"], upgraded, strict=True) if acted)
    figures = _by_name(evaluation)["challenger"]["figures"]
    assert figures["value_total"] == pytest.approx(total)
    assert figures["value_vs_do_nothing"] == pytest.approx(total)
    assert figures["value_per_row"] == pytest.approx(total / 600)
    assert figures["value_vs_do_nothing_low"] < total < figures["value_vs_do_nothing_high"]
    assert evaluation.about["figures"] == figures
    assert _by_name(evaluation)["challenger"]["actions"] == {"upgrade": upgraded.sum(), "wait": (~upgraded).sum()}


def test_a_capacity_limits_every_contender_on_each_test_day(tmp_path, monkeypatch):
    """Once a day, so that the best five of a day are those of a sort."""
    parts = {
        name: rows.assign(effective_time=rows["effective_time"].dt.floor("D"))
        for name, rows in snapshot().parts.items()
    }
    keep_snapshots(monkeypatch, {"s": HandMadeSnapshot(parts)})
    free = _evaluate(shop_project(tmp_path / "free"))
    limited = _changed(
        tmp_path / "limited", "do_nothing: wait", "do_nothing: wait\n  capacity: {upgrade: 5 per day UTC}"
    )
    by_contender = _evaluate(limited)
    assert by_contender.inputs["trained_model"] == free.inputs["trained_model"]  # a capacity trains nothing again
    rows = parts["test"]
    for name, part in (("challenger", "predictor"), ("baseline/logistic_regression", "baseline/logistic_regression")):
        trained = limited.store.get("trained_model", by_contender.inputs["trained_model"])
        score = load_predictor(limited, trained, part).predict(rows)["score"]
        total, acted = 0.0, 0
        for _, day in rows.assign(score=score).groupby("effective_time"):
            for label, _ in sorted(zip(day["label"], day["score"], strict=True), key=lambda item: -item[1])[:5]:
                total, acted = total + (-4 + 9 * label), acted + 1
        assert _by_name(by_contender)[name]["figures"]["value_total"] == pytest.approx(total)
        assert _by_name(by_contender)[name]["actions"]["upgrade"] == acted == 150
    assert _by_name(by_contender)["do_nothing"]["figures"]["value_total"] == 0
    note = "every contender recommends at most 5 upgrade a day (UTC): the rows with the largest expected gain get it."
    assert note in by_contender.about["notes"]
    assert "capacity" not in str(free.about["notes"])


def test_one_action_counts_for_a_row_that_was_moved_and_asked_about_twice(project, monkeypatch):
    # Ten orders are asked about again an hour later, with the same features: they earn what they earn once.
    once = _evaluate(project)
    rows = snapshot().part("test")
    moved = rows.head(10).assign(effective_time=rows["effective_time"].head(10) + pd.Timedelta(hours=1))
    test = pd.concat([rows, moved]).sort_values("effective_time", ignore_index=True)
    keep_snapshots(monkeypatch, {"moved": HandMadeSnapshot({**snapshot().parts, "test": test})})
    twice = _evaluate(project, snapshot_id="moved")
    assert (twice.about["rows"], twice.about["rows_valued"]) == (610, 600)
    assert twice.about["figures"]["value_total"] == pytest.approx(once.about["figures"]["value_total"])
    note = "10 of 610 rows are asked about again before their label is settled: only the last answer counts in money."
    assert note in twice.about["notes"]


def test_metrics_are_those_of_scikit_learn_on_the_test_rows(project):
    from sklearn import metrics

    evaluation = _evaluate(project)
    rows = snapshot().part("test")
    predictor = load_predictor(project, project.store.get("trained_model", evaluation.inputs["trained_model"]))
    score = predictor.predict(rows)["score"]
    assert evaluation.about["figures"]["auc"] == pytest.approx(metrics.roc_auc_score(rows["label"], score))
    assert evaluation.about["figures"]["log_loss"] == pytest.approx(metrics.log_loss(rows["label"], score))


def test_a_first_version_must_beat_doing_nothing_and_every_baseline(project):
    evaluation = _evaluate(project)
    release = evaluation.about["release"]
    assert release["rule"] == "first"
    needed = {line["other"]: line["confidence"] for line in release["compared"]}
    assert needed == {"do_nothing": 0.95, "baseline/rule": 0.8, "baseline/logistic_regression": 0.8}
    passed = all(line["probability"] >= line["confidence"] for line in release["compared"])
    assert evaluation.about["verdict"] == ("deploy" if passed else "keep")


def test_a_refresh_is_compared_with_the_champion_less_a_share_of_its_gain_and_with_the_anchor(project):
    old = _train(project)
    evaluation = _evaluate(project, old, "later")
    release = evaluation.about["release"]
    by_contender = _by_name(evaluation)
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
    blind = _changed(tmp_path, LIGHTGBM, "algorithm: constant")
    first, champion = _train(blind), _train(project)
    start = "ml_platform.registry.evaluation.evaluate._Evaluation._start"
    monkeypatch.setattr(start, lambda _: "2000-01-01T00:00:00.000000Z")
    notes = _evaluate(project, champion, "later", anchor=first).about["notes"]
    until = project.store.get("trained_model", first).about["until"]
    judged = [note for note in notes if "test rows here" in note]
    assert judged == [
        f"the {role} was fitted on rows up to {until}, and some of them are test rows here: its figures are too good."
        for role in ("champion", "anchor")
    ]


def test_the_anchor_is_run_beside_a_champion_that_is_another_version(tmp_path, project):
    blind = _changed(tmp_path, LIGHTGBM, "algorithm: constant")
    first, champion = _train(blind), _train(project)
    evaluation = _evaluate(project, champion, "later", anchor=first)
    by_contender = _by_name(evaluation)
    assert (by_contender["anchor"]["id"], by_contender["anchor"]["role"]) == (first, "anchor")
    assert evaluation.inputs["anchor"] == first
    line = next(line for line in evaluation.about["release"]["compared"] if line["other"] == "anchor")
    assert line["difference"] == by_contender["anchor"]["challenger_ahead"]["per_row"]
    earned = [by_contender[name]["figures"]["value_per_row"] for name in ("challenger", "anchor")]
    assert line["difference"] == pytest.approx(earned[0] - earned[1])


@pytest.mark.parametrize("constant", [100, -100])
def test_a_constant_in_every_action_changes_no_decision(tmp_path, project, constant):
    richer = _changed(tmp_path / "richer", ACTIONS, f"    upgrade: {constant} - 4 + label * 9\n    wait: {constant}\n")
    plain_old, richer_old = _train(project), _train(richer)
    plain = _evaluate(project, plain_old, "later").about
    shifted = _evaluate(richer, richer_old, "later").about
    assert shifted["verdict"] == plain["verdict"]
    assert shifted["figures"]["value_per_row"] == pytest.approx(plain["figures"]["value_per_row"] + constant)
    for line, other in zip(shifted["release"]["compared"], plain["release"]["compared"], strict=True):
        assert line["passed"] == other["passed"]
        assert line["probability"] == pytest.approx(other["probability"], abs=1e-6)
        assert line["allowed"] == pytest.approx(other["allowed"])


def test_a_planted_better_challenger_is_deployed_and_a_planted_worse_one_is_not(tmp_path, project):
    good = _train(project)
    blind = _changed(tmp_path, LIGHTGBM, "algorithm: constant")
    bad = _train(blind)
    better = evaluate_model(project, "late_parcel", good, "s", bad).artifact.about
    assert better["release"]["rule"] == "changed_declaration"
    assert better["verdict"] == "deploy"
    assert better["release"]["compared"][0]["probability"] > 0.99
    worse = evaluate_model(blind, "late_parcel", bad, "s", good).artifact.about
    assert worse["verdict"] == "keep"
    assert worse["reasons"][0] == "auc is 0.5, the gate needs >= 0.55"
    assert any("% sure that it earns more than the champion, needs 90 %" in reason for reason in worse["reasons"])


def test_a_gate_that_is_missed_keeps_the_champion_and_names_figure_and_limit(tmp_path, project):
    strict = _changed(tmp_path, 'auc: ">= 0.55"', 'auc: ">= 0.999"')
    about = _evaluate(strict).about
    assert about["verdict"] == "keep"
    assert about["gates"] == [{"name": "auc", "figure": about["figures"]["auc"], "limit": ">= 0.999", "passed": False}]
    assert about["reasons"][0] == f"auc is {about['figures']['auc']:.4g}, the gate needs >= 0.999"


def test_the_champion_itself_is_neither_deployed_nor_refused(project):
    trained = _train(project)
    about = _evaluate(project, trained, trained=trained).about
    assert about["verdict"] == "same"
    assert about["release"]["compared"] == []


def _without_items(directory, monkeypatch):
    """Return a project whose declaration and rows have lost a column."""
    rows = {name: part.drop(columns="orders.items") for name, part in snapshot().parts.items()}
    keep_snapshots(monkeypatch, {"narrow": HandMadeSnapshot(rows)})
    return _changed(directory, "orders.amount, orders.items]", "orders.amount]")


def test_a_champion_whose_columns_are_gone_is_a_reason_with_a_way_out(tmp_path, project, monkeypatch):
    old = _train(project)
    narrower = _without_items(tmp_path, monkeypatch)
    evaluation = _evaluate(narrower, old, "narrow")
    assert evaluation.about["verdict"] == "keep"
    (reason,) = evaluation.about["reasons"]
    assert reason.startswith("the champion cannot be run on these rows: the rows lack column orders.items.")
    assert "declare release: {changed_declaration: {champion: ignore}}" in reason
    assert "champion" not in _by_name(evaluation)
    text = LATE_PARCEL.replace("orders.amount, orders.items]", "orders.amount]")
    text = text.replace("deployment:", "release: {changed_declaration: {champion: ignore}}\ndeployment:")
    declared = shop_project(tmp_path, models__late_parcel=text)
    about = _evaluate(declared, old, "narrow").about
    assert about["verdict"] == "deploy"
    assert about["release"]["anchor"] is None
    assert about["notes"][-1] == (
        "no anchor can be run on these rows: a version that is deployed on them becomes the anchor."
    )


def test_an_anchor_whose_columns_are_gone_leaves_its_place_to_the_champion(tmp_path, project, monkeypatch):
    anchor = _train(project)
    narrower = _without_items(tmp_path, monkeypatch)
    champion = _train(narrower, "narrow")
    blind = _changed(tmp_path, "orders.amount, orders.items]", "orders.amount]\ncalibration: sigmoid")
    about = _evaluate(blind, champion, "narrow", anchor=anchor).about
    assert about["release"]["anchor"]["id"] == champion
    (note,) = [note for note in about["notes"] if note.startswith("the anchor cannot be run on these rows: the rows")]
    assert note.endswith("The champion takes its place.")


def test_a_damaged_champion_is_no_challenger_that_won(project):
    old, new = _train(project), _train(project, "later")
    stored = project.store.get("trained_model", old).objects["predictor/trees.txt"]
    path = project.state / "store/objects" / stored.sha256[:2] / stored.sha256
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ArtifactDamaged):
        _evaluate(project, old, "later", trained=new)


def test_a_champion_that_recommends_an_action_that_is_gone_cannot_be_compared(tmp_path, project):
    old = _train(project)
    renamed = _changed(tmp_path, "    upgrade: -4", "    courier: -4")
    evaluation = _evaluate(renamed, old)
    assert "it recommends upgrade, which value.actions declares no more" in evaluation.about["reasons"][-1]


def test_a_regression_is_valued_by_what_acting_on_its_prediction_earned(project):
    evaluation = _evaluate(project, model="lateness", snapshot_id="minutes")
    rows = snapshot(label="minutes").part("test")
    predictor = load_predictor(project, project.store.get("trained_model", evaluation.inputs["trained_model"]))
    above = rows["label"] - predictor.predict(rows)["score"]
    earned = -0.05 * above.clip(lower=0) - 0.02 * (-above).clip(lower=0)
    nothing = -0.05 * rows["label"].clip(lower=0) - 0.02 * (-rows["label"]).clip(lower=0)
    by_contender = _by_name(evaluation)
    assert by_contender["challenger"]["figures"]["value_total"] == pytest.approx(earned.sum())
    assert by_contender["do_nothing"]["figures"]["value_total"] == pytest.approx(nothing.sum())
    assert by_contender["do_nothing"]["figures"]["mae"] == pytest.approx(rows["label"].abs().mean())
    assert by_contender["challenger"]["figures"]["value_vs_do_nothing"] == pytest.approx((earned - nothing).sum())
    assert len(evaluation.about["curves"]["predicted_actual"]) == 12


def test_several_classes_are_valued_too(project):
    evaluation = _evaluate(project, model="lane", snapshot_id="lane")
    rows = snapshot(label="lane").part("test")
    predictor = load_predictor(project, project.store.get("trained_model", evaluation.inputs["trained_model"]))
    fast = predictor.predict(rows)["action"] == "fast"
    total = np.where(rows["label"] == "ada", 5, -1)[fast].sum()
    assert evaluation.about["figures"]["value_total"] == pytest.approx(total)
    assert evaluation.about["figures"]["accuracy"] > 0.8


def test_too_few_days_are_reported(project, monkeypatch):
    parts = {name: shop_rows(300, seed=seed, days=6) for seed, name in enumerate(("train", "validate", "test"))}
    keep_snapshots(monkeypatch, {"short": HandMadeSnapshot(parts)})
    about = _evaluate(project, snapshot_id="short").about
    assert about["days"] == 6
    assert about["notes"] == [
        "wide on purpose: 6 days cannot show whether luck persists from day to day",
    ]


def test_a_test_whose_labels_all_overlap_is_declined(tmp_path, project, monkeypatch):
    parts = {name: shop_rows(300, seed=seed, days=6) for seed, name in enumerate(("train", "validate", "test"))}
    keep_snapshots(monkeypatch, {"short": HandMadeSnapshot(parts)})
    longer = _changed(tmp_path, "horizon: 2d", "horizon: 6d")
    declined = "too few days to say: the labels of all 6 days overlap, so that they share their luck"
    evaluation = _evaluate(longer, snapshot_id="short")
    assert {item["challenger_ahead"]["declined"] for item in evaluation.about["contenders"][1:]} == {declined}
    keys = {evaluation_key(each, "late_parcel", "trained", "short", None) for each in (project, longer)}
    assert len(keys) == 2, "another horizon is another evaluation"


def test_a_champion_that_was_fitted_on_judged_rows_is_reported(project):
    old = _train(project)
    (note,) = _evaluate(project, old, "later").about["notes"]
    assert note.startswith("the champion was fitted on rows up to 2024-01-30T")
    assert _evaluate(project).about["notes"] == []


def test_rows_that_cannot_be_valued_are_excluded_for_every_contender_and_counted(tmp_path, project, monkeypatch):
    by_amount = _changed(tmp_path, "    wait: 0", "    wait: -amount / 100")
    snapshot_of_day = snapshot()
    snapshot_of_day.part("test").loc[:99, "orders.amount"] = np.nan
    keep_snapshots(monkeypatch, {"gaps": snapshot_of_day})
    about = _evaluate(by_amount, snapshot_id="gaps").about
    assert (about["rows"], about["rows_valued"]) == (600, 500)
    assert "100 of 600 rows have no value: a column that value reads is null." in about["notes"]
    snapshot_of_day.part("test")["orders.amount"] = np.nan
    keep_snapshots(monkeypatch, {"nothing": snapshot_of_day})
    with pytest.raises(EvaluationError, match="no row of the test period can be valued"):
        _evaluate(by_amount, snapshot_id="nothing")


@pytest.mark.parametrize(
    ("upgrade", "message"),
    [
        ("-4 + label * 9 * amount", r"the payoff of upgrade where the label is False is null in all 600 rows"),
        ("-4 + label * 1e308 * 10", r"the payoff of upgrade where the label is True is null in all 600 rows"),
        ("label * 1e300 - 1e299", r"a row is worth \S+e\+\d+, more than intervals can compute with"),
    ],
)
def test_payoffs_that_are_never_known_or_too_large_are_named(tmp_path, project, monkeypatch, upgrade, message):
    changed = _changed(tmp_path, "    upgrade: -4 + label * 9", f"    upgrade: {upgrade}")
    snapshot_of_day = snapshot()
    snapshot_of_day.part("test")["orders.amount"] = np.nan
    keep_snapshots(monkeypatch, {"given": snapshot_of_day})
    with pytest.raises(EvaluationError, match=message):
        _evaluate(changed, snapshot_id="given")


def test_the_same_evaluation_is_not_made_twice_and_its_id_is_its_content(project):
    trained = _train(project)
    first = evaluate_model(project, "late_parcel", trained, "s", None)
    reevaluated = evaluate_model(project, "late_parcel", trained, "s", None)
    assert (first.reused, reevaluated.reused) == (False, True)
    assert content_id({"about": reevaluated.artifact.about, "inputs": reevaluated.artifact.inputs}) == first.artifact.id


def test_value_by_threshold_ends_where_no_row_is_acted_on(project):
    points = _evaluate(project).about["curves"]["value_by_threshold"]
    rows = snapshot().part("test")
    assert points[0]["acted"] == 1.0
    assert points[0]["value"] == pytest.approx((-4 + 9 * rows["label"]).mean())
    assert (points[-1]["acted"], points[-1]["value"]) == (0.0, 0.0)


def test_value_by_day_adds_up_to_the_total(project):
    about = _evaluate(project).about
    table = about["curves"]["value_by_day"]
    assert len(table["days"]) == about["days"]
    assert sum(table["totals"]["challenger"]) == pytest.approx(about["figures"]["value_total"])
    assert table["days"] == sorted(set(snapshot().part("test")["effective_time"].dt.strftime("%Y-%m-%d")))


def test_the_stretch_that_was_judged_is_reported(project):
    about = _evaluate(project).about
    rows = snapshot().part("test")
    assert pd.Timestamp(about["from"]) == rows["effective_time"].min()
    assert pd.Timestamp(about["to"]) == rows["effective_time"].max()
    assert about["label"]["classes"][1] == ["True", int(rows["label"].sum())]

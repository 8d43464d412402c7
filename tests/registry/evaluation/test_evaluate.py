import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import EvaluationError
from ml_platform.core.hashing import content_id
from ml_platform.models.predictor import load_predictor
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.registry.evaluation.key import evaluation_key
from tests.models.rows import HandMadeSnapshot, keep_snapshots, shop_project, shop_rows, snapshot
from tests.registry.evaluation.conftest import by_name, changed_shop, evaluated, trained_id

pytestmark = pytest.mark.slow


def test_every_contender_is_judged_on_identical_rows(project):
    old = trained_id(project)
    evaluation = evaluated(project, old, "later")
    by_contender = by_name(evaluation)
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
    evaluation = evaluated(project)
    rows = snapshot().part("test")
    predictor = load_predictor(project, project.store.get("trained_model", evaluation.inputs["trained_model"]))
    upgraded = predictor.predict(rows)["score"] > 4 / 9
    total = sum(-4 + 9 * label for label, acted in zip(rows["label"], upgraded, strict=True) if acted)
    figures = by_name(evaluation)["challenger"]["figures"]
    assert figures["value_total"] == pytest.approx(total)
    assert figures["value_vs_do_nothing"] == pytest.approx(total)
    assert figures["value_per_row"] == pytest.approx(total / 600)
    assert figures["value_vs_do_nothing_low"] < total < figures["value_vs_do_nothing_high"]
    assert evaluation.about["figures"] == figures
    assert by_name(evaluation)["challenger"]["actions"] == {"upgrade": upgraded.sum(), "wait": (~upgraded).sum()}


def test_a_capacity_limits_every_contender_on_each_test_day(tmp_path, monkeypatch):
    """Once a day, so that the best five of a day are those of a sort."""
    parts = {
        name: rows.assign(effective_time=rows["effective_time"].dt.floor("D"))
        for name, rows in snapshot().parts.items()
    }
    keep_snapshots(monkeypatch, {"s": HandMadeSnapshot(parts)})
    free = evaluated(shop_project(tmp_path / "free"))
    limited = changed_shop(
        tmp_path / "limited", "do_nothing: wait", "do_nothing: wait\n  capacity: {upgrade: 5 per day UTC}"
    )
    by_contender = evaluated(limited)
    assert by_contender.inputs["trained_model"] == free.inputs["trained_model"]  # a capacity trains nothing again
    rows = parts["test"]
    for name, part in (("challenger", "predictor"), ("baseline/logistic_regression", "baseline/logistic_regression")):
        trained = limited.store.get("trained_model", by_contender.inputs["trained_model"])
        score = load_predictor(limited, trained, part).predict(rows)["score"]
        total, acted = 0.0, 0
        for _, day in rows.assign(score=score).groupby("effective_time"):
            for label, _ in sorted(zip(day["label"], day["score"], strict=True), key=lambda item: -item[1])[:5]:
                total, acted = total + (-4 + 9 * label), acted + 1
        assert by_name(by_contender)[name]["figures"]["value_total"] == pytest.approx(total)
        assert by_name(by_contender)[name]["actions"]["upgrade"] == acted == 150
    assert by_name(by_contender)["do_nothing"]["figures"]["value_total"] == 0
    note = "every contender recommends at most 5 upgrade a day (UTC): the rows with the largest expected gain get it."
    assert note in by_contender.about["notes"]
    assert "capacity" not in str(free.about["notes"])


def test_one_action_counts_for_a_row_that_was_moved_and_asked_about_twice(project, monkeypatch):
    # Ten orders are asked about again an hour later, with the same features: they earn what they earn once.
    once = evaluated(project)
    rows = snapshot().part("test")
    moved = rows.head(10).assign(effective_time=rows["effective_time"].head(10) + pd.Timedelta(hours=1))
    test = pd.concat([rows, moved]).sort_values("effective_time", ignore_index=True)
    keep_snapshots(monkeypatch, {"moved": HandMadeSnapshot({**snapshot().parts, "test": test})})
    twice = evaluated(project, snapshot_id="moved")
    assert (twice.about["rows"], twice.about["rows_valued"]) == (610, 600)
    assert twice.about["figures"]["value_total"] == pytest.approx(once.about["figures"]["value_total"])
    note = "10 of 610 rows are asked about again before their label is settled: only the last answer counts in money."
    assert note in twice.about["notes"]


def test_metrics_are_those_of_scikit_learn_on_the_test_rows(project):
    from sklearn import metrics

    evaluation = evaluated(project)
    rows = snapshot().part("test")
    predictor = load_predictor(project, project.store.get("trained_model", evaluation.inputs["trained_model"]))
    score = predictor.predict(rows)["score"]
    assert evaluation.about["figures"]["auc"] == pytest.approx(metrics.roc_auc_score(rows["label"], score))
    assert evaluation.about["figures"]["log_loss"] == pytest.approx(metrics.log_loss(rows["label"], score))


def test_a_first_version_must_beat_doing_nothing_and_every_baseline(project):
    evaluation = evaluated(project)
    release = evaluation.about["release"]
    assert release["rule"] == "first"
    needed = {line["other"]: line["confidence"] for line in release["compared"]}
    assert needed == {"do_nothing": 0.95, "baseline/rule": 0.8, "baseline/logistic_regression": 0.8}
    passed = all(line["probability"] >= line["confidence"] for line in release["compared"])
    assert evaluation.about["verdict"] == ("deploy" if passed else "keep")


def test_a_gate_that_is_missed_keeps_the_champion_and_names_figure_and_limit(tmp_path, project):
    strict = changed_shop(tmp_path, 'auc: ">= 0.55"', 'auc: ">= 0.999"')
    about = evaluated(strict).about
    assert about["verdict"] == "keep"
    assert about["gates"] == [{"name": "auc", "figure": about["figures"]["auc"], "limit": ">= 0.999", "passed": False}]
    assert about["reasons"][0] == f"auc is {about['figures']['auc']:.4g}, the gate needs >= 0.999"


def test_a_regression_is_valued_by_what_acting_on_its_prediction_earned(project):
    evaluation = evaluated(project, model="lateness", snapshot_id="minutes")
    rows = snapshot(label="minutes").part("test")
    predictor = load_predictor(project, project.store.get("trained_model", evaluation.inputs["trained_model"]))
    above = rows["label"] - predictor.predict(rows)["score"]
    earned = -0.05 * above.clip(lower=0) - 0.02 * (-above).clip(lower=0)
    nothing = -0.05 * rows["label"].clip(lower=0) - 0.02 * (-rows["label"]).clip(lower=0)
    by_contender = by_name(evaluation)
    assert by_contender["challenger"]["figures"]["value_total"] == pytest.approx(earned.sum())
    assert by_contender["do_nothing"]["figures"]["value_total"] == pytest.approx(nothing.sum())
    assert by_contender["do_nothing"]["figures"]["mae"] == pytest.approx(rows["label"].abs().mean())
    assert by_contender["challenger"]["figures"]["value_vs_do_nothing"] == pytest.approx((earned - nothing).sum())
    assert len(evaluation.about["curves"]["predicted_actual"]) == 12


def test_several_classes_are_valued_too(project):
    evaluation = evaluated(project, model="lane", snapshot_id="lane")
    rows = snapshot(label="lane").part("test")
    predictor = load_predictor(project, project.store.get("trained_model", evaluation.inputs["trained_model"]))
    fast = predictor.predict(rows)["action"] == "fast"
    total = np.where(rows["label"] == "ada", 5, -1)[fast].sum()
    assert evaluation.about["figures"]["value_total"] == pytest.approx(total)
    assert evaluation.about["figures"]["accuracy"] > 0.8


def test_too_few_days_are_reported(project, monkeypatch):
    parts = {name: shop_rows(300, seed=seed, days=6) for seed, name in enumerate(("train", "validate", "test"))}
    keep_snapshots(monkeypatch, {"short": HandMadeSnapshot(parts)})
    about = evaluated(project, snapshot_id="short").about
    assert about["days"] == 6
    assert about["notes"] == [
        "wide on purpose: 6 days cannot show whether luck persists from day to day",
    ]


def test_a_test_whose_labels_all_overlap_is_declined(tmp_path, project, monkeypatch):
    parts = {name: shop_rows(300, seed=seed, days=6) for seed, name in enumerate(("train", "validate", "test"))}
    keep_snapshots(monkeypatch, {"short": HandMadeSnapshot(parts)})
    longer = changed_shop(tmp_path, "horizon: 2d", "horizon: 6d")
    declined = "too few days: the labels of all 6 days overlap, so that they share their luck"
    evaluation = evaluated(longer, snapshot_id="short")
    assert {item["challenger_ahead"]["declined"] for item in evaluation.about["contenders"][1:]} == {declined}
    keys = {evaluation_key(each, "late_parcel", "trained", "short", None) for each in (project, longer)}
    assert len(keys) == 2, "another horizon is another evaluation"


def test_rows_that_cannot_be_valued_are_excluded_for_every_contender_and_counted(tmp_path, project, monkeypatch):
    by_amount = changed_shop(tmp_path, "    wait: 0", "    wait: -amount / 100")
    snapshot_of_day = snapshot()
    snapshot_of_day.part("test").loc[:99, "orders.amount"] = np.nan
    keep_snapshots(monkeypatch, {"gaps": snapshot_of_day})
    about = evaluated(by_amount, snapshot_id="gaps").about
    assert (about["rows"], about["rows_valued"]) == (600, 500)
    assert "100 of 600 rows have no value: a column that value reads is null." in about["notes"]
    snapshot_of_day.part("test")["orders.amount"] = np.nan
    keep_snapshots(monkeypatch, {"nothing": snapshot_of_day})
    with pytest.raises(EvaluationError, match="no row of the test period can be valued"):
        evaluated(by_amount, snapshot_id="nothing")


@pytest.mark.parametrize(
    ("upgrade", "message"),
    [
        ("-4 + label * 9 * amount", r"the payoff of upgrade where the label is False is null in all 600 rows"),
        ("-4 + label * 1e308 * 10", r"the payoff of upgrade where the label is True is null in all 600 rows"),
        ("label * 1e300 - 1e299", r"a row is worth \S+e\+\d+, more than intervals can compute with"),
    ],
)
def test_payoffs_that_are_never_known_or_too_large_are_named(tmp_path, project, monkeypatch, upgrade, message):
    changed = changed_shop(tmp_path, "    upgrade: -4 + label * 9", f"    upgrade: {upgrade}")
    snapshot_of_day = snapshot()
    snapshot_of_day.part("test")["orders.amount"] = np.nan
    keep_snapshots(monkeypatch, {"given": snapshot_of_day})
    with pytest.raises(EvaluationError, match=message):
        evaluated(changed, snapshot_id="given")


def test_the_same_evaluation_is_not_made_twice_and_its_id_is_its_content(project):
    trained = trained_id(project)
    first = evaluate_model(project, "late_parcel", trained, "s", None)
    reevaluated = evaluate_model(project, "late_parcel", trained, "s", None)
    assert (first.reused, reevaluated.reused) == (False, True)
    assert content_id({"about": reevaluated.artifact.about, "inputs": reevaluated.artifact.inputs}) == first.artifact.id


def test_value_by_threshold_ends_where_no_row_is_acted_on(project):
    points = evaluated(project).about["curves"]["value_by_threshold"]
    rows = snapshot().part("test")
    assert points[0]["acted"] == 1.0
    assert points[0]["value"] == pytest.approx((-4 + 9 * rows["label"]).mean())
    assert (points[-1]["acted"], points[-1]["value"]) == (0.0, 0.0)


def test_value_by_day_adds_up_to_the_total(project):
    about = evaluated(project).about
    table = about["curves"]["value_by_day"]
    assert len(table["days"]) == about["days"]
    assert sum(table["totals"]["challenger"]) == pytest.approx(about["figures"]["value_total"])
    assert table["days"] == sorted(set(snapshot().part("test")["effective_time"].dt.strftime("%Y-%m-%d")))


def test_the_stretch_that_was_judged_is_reported(project):
    about = evaluated(project).about
    rows = snapshot().part("test")
    assert pd.Timestamp(about["from"]) == rows["effective_time"].min()
    assert pd.Timestamp(about["to"]) == rows["effective_time"].max()
    assert about["label"]["classes"][1] == ["True", int(rows["label"].sum())]

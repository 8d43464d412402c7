import pytest

from ml_platform.core.errors import PredictionError, TrainingError
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import train_model
from tests.models.rows import HandMadeSnapshot, keep_snapshots, shop_project, snapshot
from tests.worlds import LATE_PARCEL

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path, monkeypatch):
    keep_snapshots(monkeypatch, {"s": snapshot(), "minutes": snapshot(label="minutes")})
    return shop_project(tmp_path)


def _changed(directory, old, new):
    return shop_project(directory, models__late_parcel=LATE_PARCEL.replace(old, new))


def test_a_trained_model_holds_its_predictor_and_every_baseline(project):
    made = train_model(project, "late_parcel", "s")
    about = made.artifact.about
    assert not made.reused
    assert made.artifact.kind == "trained_model"
    assert made.artifact.inputs == {"snapshot": "s"}
    assert sorted(about["predictors"]) == ["baseline/logistic_regression", "baseline/rule", "predictor"]
    assert {name.partition("/")[0] for name in made.artifact.objects} == {"predictor", "baseline", "declared"}
    assert about["rows"] == {"train": 600, "validate": 600}
    assert about["iterations"] == 60
    assert about["importances"][0][0] == "courier_recent.mean_late_7d"
    assert about["label"]["classes"][1] == [True, int(snapshot().part("train")["label"].sum())]
    assert about["environment"]["lightgbm"]
    assert 0 < about["size_mb"]["predictor"] < 1


def test_the_same_snapshot_and_declaration_are_not_trained_twice(project):
    fits = []
    first = train_model(project, "late_parcel", "s", lambda: fits.append("begun"))
    trained = train_model(project, "late_parcel", "s", lambda: fits.append("begun again"))
    assert trained.reused
    assert fits == ["begun"]
    assert trained.artifact == first.artifact


def test_a_changed_description_changes_nothing_and_a_changed_parameter_retrains(tmp_path, project):
    first = train_model(project, "late_parcel", "s").artifact
    assert train_model(_changed(tmp_path, "minutes late or more?", "minutes late?"), "late_parcel", "s").reused
    other = train_model(_changed(tmp_path, "num_leaves: 7", "num_leaves: 5"), "late_parcel", "s")
    assert not other.reused
    assert other.artifact.id != first.id
    assert other.artifact.about["declaration"] != first.about["declaration"]


def test_a_changed_gate_or_baseline_is_still_the_same_declaration_of_the_predictor(tmp_path, project):
    first = train_model(project, "late_parcel", "s").artifact.about["declaration"]
    gated = _changed(tmp_path, 'auc: ">= 0.55"', 'auc: ">= 0.56"')
    assert train_model(gated, "late_parcel", "s").artifact.about["declaration"] == first
    more = _changed(tmp_path, "  - logistic_regression\n", "  - constant\n")
    assert train_model(more, "late_parcel", "s").artifact.about["declaration"] == first


def test_a_changed_payoff_is_a_changed_declaration(tmp_path, project):
    first = train_model(project, "late_parcel", "s").artifact.about["declaration"]
    other = _changed(tmp_path, "-4 + label * 9", "-4 + label * 10")
    assert train_model(other, "late_parcel", "s").artifact.about["declaration"] != first


def test_more_threads_give_another_artifact_of_the_same_predictor(tmp_path, project):
    one = (tmp_path / "project.yaml").read_text()
    assert "threads: 1" in one
    first = train_model(project, "late_parcel", "s")
    other = train_model(shop_project(tmp_path, project=one.replace("threads: 1", "threads: 2")), "late_parcel", "s")
    assert not other.reused
    assert other.artifact.about["predictors"]["predictor"] == first.artifact.about["predictors"]["predictor"]


def test_two_baselines_of_one_algorithm_are_numbered(tmp_path, project):
    twice = _changed(tmp_path, "  - logistic_regression\n", "  - {name: rule, expression: items > 5}\n")
    about = train_model(twice, "late_parcel", "s").artifact.about
    assert [baseline["name"] for baseline in about["baselines"]] == ["rule", "rule_2"]


def test_calibration_is_learnt_for_the_predictor_alone(tmp_path, project):
    plain = train_model(project, "late_parcel", "s").artifact.about["predictors"]
    calibrated = _changed(tmp_path, "baselines:", "calibration: isotonic\nbaselines:")
    trained = train_model(calibrated, "late_parcel", "s").artifact.about["predictors"]
    assert trained["predictor"] != plain["predictor"]
    assert trained["baseline/rule"] == plain["baseline/rule"]


def test_a_regression_describes_its_label_in_numbers(project):
    about = train_model(project, "lateness", "minutes").artifact.about
    assert sorted(about["label"]) == ["max", "mean", "median", "min", "std"]


def _without(part, **changes):
    snapshot_of_day = snapshot()
    frame = snapshot_of_day.part(part)
    return HandMadeSnapshot({**snapshot_of_day.parts, part: frame.assign(**changes)})


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (lambda: _without("train", label=True), TrainingError, "the label has one class"),
        (
            lambda: HandMadeSnapshot({**snapshot().parts, "train": snapshot().part("train")[:0]}),
            TrainingError,
            "no row",
        ),
        (
            lambda: HandMadeSnapshot({**snapshot().parts, "validate": snapshot().part("test")[:0]}),
            TrainingError,
            "validate",
        ),
        (
            lambda: _without("train", **{"orders.items": "many"}),
            PredictionError,
            "orders.items must be int, found string",
        ),
    ],
)
def test_rows_that_cannot_be_learnt_are_refused(project, monkeypatch, made, error, message):
    keep_snapshots(monkeypatch, {"bad": made()})
    with pytest.raises(error, match=message):
        train_model(project, "late_parcel", "bad")
    assert list(project.store.ids("trained_model")) == []


def test_a_model_that_does_not_exist_is_named(project):
    with pytest.raises(TrainingError, match=r"there is no model late_parcels in shop\. Did you mean late_parcel\?"):
        train_model(project, "late_parcels", "s")


ONE_CLASS = "the validate period has one class (false) in all 40 rows"


def _validated_on_one_class(monkeypatch):
    stretch = snapshot().part("validate")
    negative = stretch[~stretch["label"].astype(bool)].head(40)
    assert len(negative) == 40
    keep_snapshots(monkeypatch, {"one": HandMadeSnapshot({**snapshot().parts, "validate": negative})})


@pytest.mark.parametrize(
    ("old", "new", "user"),
    [
        ("num_iterations: 60", "num_iterations: 60, early_stopping_round: 5", "early stopping"),
        ("baselines:", "calibration: sigmoid\nbaselines:", "calibration"),
    ],
)
def test_nothing_is_learned_from_a_validate_stretch_of_one_class(tmp_path, project, monkeypatch, old, new, user):
    _validated_on_one_class(monkeypatch)
    with pytest.raises(TrainingError) as caught:
        train_model(_changed(tmp_path, old, new), "late_parcel", "one")
    assert str(caught.value) == f"{ONE_CLASS}, and {user} learn from it. Lengthen split.validate."


def test_a_validate_stretch_of_one_class_is_noted_where_nothing_is_learned_from_it(project, monkeypatch):
    _validated_on_one_class(monkeypatch)
    assert train_model(project, "late_parcel", "one").artifact.about["notes"][0] == ONE_CLASS


def test_a_rule_alone_needs_none_of_the_other_features(tmp_path, project):
    head, _, tail = LATE_PARCEL.partition("algorithm:")
    rule = "algorithm: {name: rule, expression: courier_recent.mean_late_7d > 20}\n"
    alone = f"{head}{rule}value:{tail.partition('value:')[2]}"
    trained = train_model(shop_project(tmp_path, models__late_parcel=alone), "late_parcel", "s").artifact
    predictor = load_predictor(project, trained)
    rows = snapshot().part("test")
    expected = (rows["courier_recent.mean_late_7d"] > 20).astype(float)
    assert predictor.predict(rows)["score"].tolist() == expected.tolist()

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing, PredictionError
from ml_platform.core.hashing import canonical_json
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import train_model
from ml_platform.project import Project
from tests.models.rows import HandMadeSnapshot, keep_snapshots, shop_project, shop_rows, snapshot

CALENDAR = """\
def calendar(frame):
    placed = frame["orders.placed_at"]
    return frame.assign(hour=placed.dt.hour, monday=placed.dt.weekday == 0, pair=frame["orders.courier"] + "!")[
        ["hour", "monday", "pair"]
    ]
"""
LABELS = {"late_parcel": "late", "lateness": "minutes", "lane": "lane"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    keep_snapshots(monkeypatch, {name: snapshot(label=label) for name, label in LABELS.items()})
    return shop_project(tmp_path)


def _with_calendar(directory, transform=CALENDAR):
    from tests.worlds import LATE_PARCEL

    model = LATE_PARCEL.replace("split:", "transforms: [steps:calendar]\nsplit:")
    (directory / "steps.py").write_text(transform)
    return shop_project(directory, models__late_parcel=model)


@pytest.mark.slow
@pytest.mark.parametrize("model", sorted(LABELS))
def test_a_predictor_comes_back_from_the_store_with_the_same_predictions_and_the_same_id(project, model):
    artifact = train_model(project, model, model).artifact
    rows = shop_rows(50, seed=9)
    for name, id in artifact.about["predictors"].items():
        first, second = load_predictor(project, artifact, name), load_predictor(project, artifact, name)
        assert first.id == second.id == id
        pd.testing.assert_frame_equal(first.predict(rows), second.predict(rows), check_exact=True)


def test_two_classes_give_a_score_an_action_and_an_expected_value(project):
    predictor = load_predictor(project, train_model(project, "late_parcel", "late_parcel").artifact)
    rows = shop_rows(40, seed=9).set_index(pd.Index(range(100, 140)))
    predicted = predictor.predict(rows)
    assert predicted.columns.tolist() == ["score", "action", "expected_value"]
    assert predicted.index.equals(rows.index)
    # upgrade: -4 + label * 9 is worth more than waiting exactly where 9 * score > 4.
    assert (predicted["action"] == "upgrade").equals(predicted["score"] * 9 > 4)
    np.testing.assert_allclose(predicted["expected_value"], np.maximum(9 * predicted["score"] - 4, 0), atol=1e-12)


def test_several_classes_give_a_score_each_and_the_likeliest(project):
    predictor = load_predictor(project, train_model(project, "lane", "lane").artifact)
    predicted = predictor.predict(shop_rows(40, seed=9))
    names = ["score.ada", "score.bo", "score.cy"]
    assert predicted.columns.tolist() == [*names, "predicted", "action", "expected_value"]
    np.testing.assert_allclose(predicted[names].sum(axis=1), 1.0)
    assert predicted["predicted"].tolist() == [
        str(name).removeprefix("score.") for name in predicted[names].idxmax(axis=1)
    ]


def test_a_regression_gives_a_score_and_neither_action_nor_expected_value(project):
    predictor = load_predictor(project, train_model(project, "lateness", "lateness").artifact)
    predicted = predictor.predict(shop_rows(40, seed=9))
    assert predicted["score"].notna().all()
    assert predicted[["action", "expected_value"]].isna().all().all()


@pytest.mark.parametrize("model", sorted(LABELS))
def test_one_row_is_predicted_with_the_same_bits_as_many(project, model):
    predictor = load_predictor(project, train_model(project, model, model).artifact)
    rows = shop_rows(20, seed=9)
    alone = pd.concat([predictor.predict(rows.iloc[[index]]) for index in range(20)])
    pd.testing.assert_frame_equal(alone, predictor.predict(rows), check_exact=True)


def test_no_row_gives_no_prediction_in_the_same_columns(project):
    for model in LABELS:
        predictor = load_predictor(project, train_model(project, model, model).artifact)
        some, none = predictor.predict(shop_rows(3)), predictor.predict(shop_rows(3).iloc[:0])
        assert none.columns.equals(some.columns)
        assert len(none) == 0


def test_columns_are_matched_by_name_whatever_their_order(project):
    artifact = train_model(project, "late_parcel", "late_parcel").artifact
    rows = shop_rows(60, seed=9)
    for name in artifact.about["predictors"]:
        predictor = load_predictor(project, artifact, name)
        swapped = predictor.predict(rows[rows.columns[::-1]])
        pd.testing.assert_frame_equal(swapped, predictor.predict(rows), check_exact=True)


def test_a_column_that_the_rows_lack_is_named_with_the_nearest(project):
    predictor = load_predictor(project, train_model(project, "late_parcel", "late_parcel").artifact)
    rows = shop_rows(3).rename(columns={"orders.items": "orders.item"})
    with pytest.raises(PredictionError, match=r"the rows lack column orders\.items\. Did you mean orders\.item\?"):
        predictor.predict(rows)


def test_rows_may_share_an_index(project):
    predictor = load_predictor(project, train_model(project, "late_parcel", "late_parcel").artifact)
    rows = shop_rows(6, seed=9)
    predicted = predictor.predict(rows.set_index(pd.Index([7, 7, 7, 8, 8, 9])))
    assert predicted.index.tolist() == [7, 7, 7, 8, 8, 9]
    pd.testing.assert_frame_equal(predicted.reset_index(drop=True), predictor.predict(rows), check_exact=True)


def test_a_column_that_is_there_twice_is_refused(project):
    predictor = load_predictor(project, train_model(project, "late_parcel", "late_parcel").artifact)
    rows = shop_rows(3)
    with pytest.raises(PredictionError, match=r"the rows have column orders\.items twice"):
        predictor.predict(pd.concat([rows, rows[["orders.items"]]], axis=1))


def test_a_category_that_training_did_not_see_is_a_missing_value(project):
    predictor = load_predictor(project, train_model(project, "lane", "lane").artifact)
    unseen, null = shop_rows(5), shop_rows(5)
    unseen["orders.courier"], null["orders.courier"] = "zed", None
    pd.testing.assert_frame_equal(predictor.predict(unseen), predictor.predict(null), check_exact=True)


def test_timestamps_are_no_features_by_themselves(project):
    spec = project.spec
    model = spec.models["late_parcel"].model_copy(update={"features": ("orders.placed_at", "orders.items")})
    changed = Project(dataclasses.replace(spec, models={**spec.models, "late_parcel": model}))
    predictor = load_predictor(changed, train_model(changed, "late_parcel", "late_parcel").artifact)
    assert [column.name for column in predictor.inputs] == ["orders.placed_at", "orders.items"]
    assert [column.name for column in predictor.matrix] == ["orders.items"]


# Transforms ---------------------------------------------------------------------


def test_a_transforms_columns_are_features_and_survive_the_store(tmp_path, monkeypatch):
    keep_snapshots(monkeypatch, {"s": snapshot()})
    project = _with_calendar(tmp_path)
    predictor = load_predictor(project, train_model(project, "late_parcel", "s").artifact)
    names = [column.name for column in predictor.matrix]
    assert names[-3:] == ["calendar.hour", "calendar.monday", "calendar.pair"]
    matrix = predictor.encode(shop_rows(5, seed=9))
    assert matrix.values[:, -3].tolist() == shop_rows(5, seed=9)["orders.placed_at"].dt.hour.tolist()


def test_a_champion_goes_on_as_trained_when_its_transform_is_edited(tmp_path, monkeypatch):
    keep_snapshots(monkeypatch, {"s": snapshot()})
    project = _with_calendar(tmp_path)
    artifact = train_model(project, "late_parcel", "s").artifact
    before = load_predictor(project, artifact).predict(shop_rows(20, seed=9))
    edited = _with_calendar(tmp_path, CALENDAR.replace("dt.hour", "dt.minute"))
    after = load_predictor(edited, artifact).predict(shop_rows(20, seed=9))
    pd.testing.assert_frame_equal(after, before, check_exact=True)
    assert train_model(edited, "late_parcel", "s").artifact.id != artifact.id


def test_an_edited_transform_retrains_and_an_untouched_one_does_not(tmp_path, monkeypatch):
    keep_snapshots(monkeypatch, {"s": snapshot()})
    project = _with_calendar(tmp_path)
    assert not train_model(project, "late_parcel", "s").reused
    assert train_model(project, "late_parcel", "s").reused
    edited = _with_calendar(tmp_path, CALENDAR + "\n# A remark is a change of the source.\n")
    assert not train_model(edited, "late_parcel", "s").reused


# Damage and exchange --------------------------------------------------------------


def _rewritten(project, artifact, **changes):
    """Write the manifest again with changes and a valid checksum, as somebody with access to the store could."""
    changed = dataclasses.replace(artifact, **changes)
    path = project.state / "store" / "manifests" / changed.kind / f"{changed.id}.json"
    path.unlink()
    return project.store.write(
        changed.kind, changed.id, changed.key, objects=changed.objects, about=changed.about, inputs=changed.inputs
    )


def _must_not_load(monkeypatch):
    import lightgbm

    def load(*args, **kwargs):
        raise AssertionError("the damaged text was handed to LightGBM")

    monkeypatch.setattr(lightgbm, "Booster", load)


def test_damaged_bytes_are_refused_before_lightgbm_reads_them(project, monkeypatch):
    artifact = train_model(project, "late_parcel", "late_parcel").artifact
    stored = artifact.objects["predictor/trees.txt"]
    path = project.state / "store" / "objects" / stored.sha256[:2] / stored.sha256
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    _must_not_load(monkeypatch)
    with pytest.raises(ArtifactDamaged, match="is damaged"):
        load_predictor(project, artifact)


def test_trees_that_were_exchanged_in_the_store_with_valid_hashes_are_refused(project):
    artifact = train_model(project, "late_parcel", "late_parcel").artifact
    text = project.store.read(artifact.objects["predictor/trees.txt"]).replace(b"leaf_value=0.", b"leaf_value=9.", 1)
    planted = _rewritten(
        project, artifact, objects={**artifact.objects, "predictor/trees.txt": project.store.put(text)}
    )
    with pytest.raises(ArtifactDamaged, match="the estimator of predictor is damaged"):
        load_predictor(project, planted)


def test_code_that_was_exchanged_in_the_store_is_refused_before_it_runs(tmp_path, monkeypatch):
    keep_snapshots(monkeypatch, {"s": snapshot()})
    project = _with_calendar(tmp_path)
    artifact = train_model(project, "late_parcel", "s").artifact
    planted_code = project.store.put(b"raise SystemExit('planted code ran')\n")
    planted = _rewritten(project, artifact, objects={**artifact.objects, "predictor/code/steps.py": planted_code})
    with pytest.raises(ArtifactDamaged, match="the code of predictor is damaged"):
        load_predictor(project, planted)


def test_a_manifest_that_names_planted_code_is_refused_by_the_id_of_the_trained_model(tmp_path, monkeypatch):
    keep_snapshots(monkeypatch, {"s": snapshot()})
    project = _with_calendar(tmp_path)
    artifact = train_model(project, "late_parcel", "s").artifact
    source = project.store.put(b"raise SystemExit('planted code ran')\n")
    manifest = json.loads(project.store.read(artifact.objects["predictor/manifest.json"]))
    manifest["predictor"]["code"]["steps.py"] = source.sha256
    objects = {
        **artifact.objects,
        "predictor/code/steps.py": source,
        "predictor/manifest.json": project.store.put(canonical_json(manifest)),
    }
    with pytest.raises(ArtifactDamaged, match="predictor of trained model"):
        load_predictor(project, _rewritten(project, artifact, objects=objects))


def test_a_predictor_that_does_not_exist_is_named(project):
    artifact = train_model(project, "late_parcel", "late_parcel").artifact
    with pytest.raises(ArtifactMissing, match="baseline/none"):
        load_predictor(project, artifact, "baseline/none")


# Reproducibility -------------------------------------------------------------------


def test_the_order_of_rows_does_not_change_the_id_once_they_are_sorted(tmp_path, monkeypatch):
    snapshot_of_day = snapshot()
    shuffled = HandMadeSnapshot(
        {
            name: part.sample(frac=1, random_state=3).sort_values(["effective_time", "order_id"])
            for name, part in snapshot_of_day.parts.items()
        }
    )
    keep_snapshots(monkeypatch, {"given": snapshot_of_day, "shuffled": shuffled})
    ids = {
        train_model(shop_project(tmp_path / name), "late_parcel", name).artifact.id for name in ("given", "shuffled")
    }
    assert len(ids) == 1


def test_another_seed_or_another_label_gives_another_id(project, monkeypatch):
    first = train_model(project, "late_parcel", "late_parcel").artifact
    other = snapshot()
    other.part("train")["label"] = ~other.part("train")["label"]
    keep_snapshots(monkeypatch, {"other": other})
    assert train_model(project, "late_parcel", "other").artifact.id != first.id

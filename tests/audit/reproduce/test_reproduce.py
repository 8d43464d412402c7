import json
import shutil

import pytest
import sqlalchemy as sa

from ml_platform.audit.reproduce.history import attempts, version_to_reproduce
from ml_platform.audit.reproduce.prediction_agreement import agreement
from ml_platform.audit.reproduce.reproducer import reproduce
from ml_platform.core.errors import ArtifactDamaged, NoSuchVersion, NotReproducible, RowDamaged
from ml_platform.core.hashing import bytes_hash, canonical_json
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.models.predictor import load_predictor
from ml_platform.models.train import train_model
from ml_platform.project import open_project
from ml_platform.registry.resolve import version_named
from ml_platform.storage.manifest_index import MANIFESTS
from ml_platform.storage.rows import update_rows
from ml_platform.storage.versions import Version, register_version
from tests.models.test_from_sources import make_champion
from tests.worlds import NOW, write_shop

CALENDAR = """\
import pandas as pd


def calendar(rows):
    return pd.DataFrame({"weekday": rows["orders.placed_at"].dt.dayofweek}, index=rows.index)
"""
WITH_CODE = "transforms: [transforms.calendar:calendar]\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A shop with three versions of one model.

    The first two are of two declarations, with the project's own code; the third has no provenance.
    """
    folder = write_shop(tmp_path_factory.mktemp("shop"))
    (folder / "transforms").mkdir(exist_ok=True)
    (folder / "transforms/calendar.py").write_text(CALENDAR)
    model = folder / "models/late_parcel.yaml"
    model.write_text(model.read_text() + WITH_CODE)
    ids = make_champion(open_project(folder), "late_parcel")
    model.write_text(model.read_text().replace("num_leaves: 7", "num_leaves: 5"))
    project = open_project(folder)
    trained = train_model(project, "late_parcel", ids["snapshot"]).artifact
    register_version(project, "late_parcel", trained, NOW)
    about = {name: value for name, value in trained.about.items() if name != "provenance"}
    store = project.store
    bare = store.write("trained_model", "0" * 64, "bare", objects=trained.objects, about=about, inputs=trained.inputs)
    register_version(project, "late_parcel", bare, NOW)
    return project


def test_versions_of_two_declarations_reproduce_from_the_declaration_of_each(made):
    for name in ("late_parcel@1", "late_parcel@2"):
        reproduction = reproduce(made, version_named(made, name))
        assert reproduction.same
        assert reproduction.differences == ()
        assert sorted(reproduction.fitted) == ["baseline/logistic_regression", "baseline/rule", "predictor"]
    assert [item.what for item in reproduce(made, version_named(made, "late_parcel@1")).files] == [
        "file models/late_parcel.yaml"
    ]
    assert reproduce(made, version_named(made, "late_parcel@2")).files == ()


def _edit_seed(project, *, database):
    """Edit the seed in the first version's manifest, with its own hash, and what the database remembers of it."""
    id = version_named(project, "late_parcel@1").id
    path = project.state / f"store/manifests/trained_model/{id}.json"
    before = path.read_bytes()
    document = json.loads(before)
    document["manifest"]["about"]["seed"] += 1
    document["sha256"] = bytes_hash(canonical_json(document["manifest"]))
    path.write_bytes(canonical_json(document))
    if database == "row":
        with project.database.writing() as connection:
            text = f"UPDATE manifests SET sha256 = '{bytes_hash(path.read_bytes())}' WHERE id = '{id}'"
            connection.execute(sa.text(text))
    if database == "row and row log":
        with project.database.writing() as connection:
            update_rows(connection, MANIFESTS, MANIFESTS.c.id == id, {"sha256": bytes_hash(path.read_bytes())})
    return path, before


@pytest.mark.parametrize(
    ("database", "error", "message"),
    [
        ("nothing", ArtifactDamaged, "manifest of trained_model .* is damaged"),
        ("row", RowDamaged, "table manifests, row .*: the row was changed after it had been written"),
        ("row and row log", ArtifactDamaged, "seed is 1, and its declaration has 0"),
    ],
)
def test_a_manifest_whose_seed_was_edited_is_damage_and_is_not_reproduced(made, tmp_path, database, error, message):
    made.database.engine.dispose()
    shutil.copytree(made.root, tmp_path / "shop")
    project = open_project(tmp_path / "shop")
    _edit_seed(project, database=database)
    with pytest.raises(error, match=message):
        reproduce(project, Version("late_parcel", 1, _first(made), "", NOW))


def _first(project):
    return version_named(project, "late_parcel@1").id


def test_a_fitted_state_that_does_not_depend_on_the_seed_is_reported(made):
    reproduction = reproduce(made, version_named(made, "late_parcel@1"))
    assert (reproduction.seed, reproduction.seed_matters) == (0, False)
    assert reproduction.statement.endswith("It does not depend on the seed, 0: another seed gives the same predictor")


def test_a_fitted_state_that_depends_on_the_seed_is_reported(made, tmp_path):
    made.database.engine.dispose()
    shutil.copytree(made.root, tmp_path / "shop")
    model = tmp_path / "shop/models/late_parcel.yaml"
    model.write_text(
        model.read_text().replace("num_leaves: 5", "num_leaves: 5, bagging_fraction: 0.5, bagging_freq: 1")
    )
    project = open_project(tmp_path / "shop")
    snapshot = version_named(project, "late_parcel@2").snapshot
    trained = train_model(project, "late_parcel", snapshot).artifact
    register_version(project, "late_parcel", trained, NOW)
    reproduction = reproduce(project, version_named(project, "late_parcel@4"))
    assert (reproduction.same, reproduction.seed_matters) == (True, True)
    assert reproduction.statement.endswith("It depends on the seed, 0: another seed gives another predictor")


def test_a_changed_transform_does_not_disturb_a_version_and_is_reported(made):
    path = made.root / "transforms/calendar.py"
    path.write_text(CALENDAR.replace("dayofweek", "dayofweek // 2"))
    try:
        reproduction = reproduce(made, version_named(made, "late_parcel@2"))
        assert reproduction.same
        assert [item.what for item in reproduction.files] == ["file transforms/calendar.py"]
        today = reproduce(made, version_named(made, "late_parcel@2"), today=True)
    finally:
        path.write_text(CALENDAR)
    assert not today.same
    assert today.fitted["baseline/rule"]
    assert not today.fitted["predictor"]
    assert "Differences: file transforms/calendar.py: was sha256" in today.statement
    assert today.agreement.rows == len(load_snapshot(made, today.snapshot_id).part("test"))


def test_a_package_that_fits_otherwise_is_named_with_what_it_does_to_predictions(made, monkeypatch):
    from ml_platform.models.estimators import registry
    from ml_platform.models.estimators.base import FitRequest
    from ml_platform.models.provenance import equipment

    fit = registry.fit_estimator

    def otherwise(fitting: FitRequest):
        label = fitting.label.copy()
        label[0] = 1 - label[0]
        return fit(FitRequest(**{**vars(fitting), "label": label}))

    def other(threads):
        machine_facts = equipment(threads)
        return {**machine_facts, "packages": {**machine_facts["packages"], "lightgbm": "99.0", "zstandard": "99.1"}}

    monkeypatch.setattr("ml_platform.models.prepare.fit_estimator", otherwise)
    monkeypatch.setattr("ml_platform.audit.reproduce.reproducer.equipment", other)
    reproduction = reproduce(made, version_named(made, "late_parcel@2"))
    assert not reproduction.same
    assert reproduction.differences[0].what == "package lightgbm"
    assert [item.now for item in reproduction.differences] == ["99.0", "99.1"]
    assert "package lightgbm: was " in reproduction.statement
    assert "not within the tolerance of 1e-06" in reproduction.statement


def test_a_package_that_changes_nothing_leaves_a_version_the_same_and_is_still_reported(made, monkeypatch):
    from ml_platform.models.provenance import equipment

    def other(threads):
        machine_facts = equipment(threads)
        return {**machine_facts, "packages": {**machine_facts["packages"], "rich": "99.0"}, "threads": threads}

    monkeypatch.setattr("ml_platform.audit.reproduce.reproducer.equipment", other)
    reproduction = reproduce(made, version_named(made, "late_parcel@1"))
    assert reproduction.same
    assert [item.what for item in reproduction.differences] == ["package rich"]


def test_the_snapshot_is_rebuilt_from_its_sources_with_the_same_id(made):
    reproduction = reproduce(made, version_named(made, "late_parcel@1"), from_sources=True)
    assert reproduction.snapshot is True
    assert reproduction.same


def test_two_predictors_agree_as_their_predictions_do(made):
    one, two = (
        load_predictor(made, made.store.get("trained_model", version_named(made, f"late_parcel@{number}").id))
        for number in (1, 2)
    )
    rows = load_snapshot(made, version_named(made, "late_parcel@1").snapshot).part("test")
    first, second = one.predict(rows), two.predict(rows)
    largest = max(abs(a - b) for a, b in zip(first["score"], second["score"], strict=True))
    other = sum(a != b for a, b in zip(first["action"], second["action"], strict=True))
    agreement_of = agreement(one, two, rows)
    assert (agreement_of.rows, agreement_of.largest, agreement_of.actions) == (len(rows), largest, other)
    assert not agreement_of.within(largest / 2)
    assert agreement(one, one, rows).within(0.0)


def test_a_version_without_provenance_cannot_be_reproduced_and_is_never_drawn(made):
    with pytest.raises(NotReproducible, match="late_parcel@3 cannot be reproduced: its manifest is from before"):
        reproduce(made, version_named(made, "late_parcel@3"))
    drawn = {version_to_reproduce(made, NOW.replace(minute=minute)).number for minute in range(60)}
    assert drawn == {1, 2}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("late_parcels@1", "late_parcels@1: no version of late_parcels is registered. Did you mean late_parcel?"),
        ("late_parcel@7", "late_parcel@7: late_parcel has versions 1, 2, 3. Name one, such as late_parcel@3."),
        ("@1", "@1: no version of any model is registered. Known: late_parcel, lateness."),
    ],
)
def test_a_version_that_does_not_exist_is_reported_with_those_that_do(made, name, message):
    with pytest.raises(NoSuchVersion) as raised:
        version_named(made, name)
    assert str(raised.value) == message


def test_a_models_name_alone_is_its_champion(made):
    assert version_named(made, "late_parcel").number == 1
    assert version_named(made, "late_parcel@champion").number == 1
    assert version_named(made, "late_parcel@latest").number == 3


def test_the_command_prints_its_outcome_and_keeps_it(made, capsys):
    from ml_platform.cli.reproduce import reproduce_version

    assert reproduce_version(made.root, "late_parcel@2", False, False, 1e-6, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["same"], document["fitted"]["predictor"], document["commit"]) == (True, True, None)
    assert reproduce_version(made.root, "late_parcel@2", False, False, 1e-6, as_json=False) == 0
    assert "retrained: the same" in capsys.readouterr().out
    assert [(item.version, item.same) for item in attempts(made)] == [("late_parcel@2", True)] * 2

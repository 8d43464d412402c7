"""Exports as text of LightGBM, and what holds for every format: what is compared, refused and printed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_platform.core.errors import ExportRefused
from ml_platform.models.export import export_formats
from ml_platform.models.predictor import Predictor
from ml_platform.project import Project
from tests.installed import install
from tests.models.exported import exported, made, rows_of
from tests.models.rows import shop_rows
from tests.models.test_predictor import CALENDAR
from tests.worlds import LATE_PARCEL, LATENESS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*inferred as AnyType")]  # MLflow's own hints

NULLS = ["courier_recent.mean_late_7d", "courier_recent.last_late_7d"]


# LightGBM -----------------------------------------------------------------------------------------------------------


def test_lightgbm_reads_its_text_with_names_and_categories_and_gives_the_same_bits(tmp_path, monkeypatch):
    import lightgbm

    model = made(tmp_path, monkeypatch, "lane")
    export, folder = exported(tmp_path, model, "lightgbm", "actions", "nulls")
    predictor = model[2]
    booster = lightgbm.Booster(model_file=str(folder / "model.txt"))
    assert booster.feature_name() == [column.name for column in predictor.matrix]
    rows = rows_of(predictor)
    frame = rows[[column.name for column in predictor.matrix]].copy()
    kept = frame[[column.name for column in predictor.matrix if column.fill is not None]].notna().all(axis=1)
    frame["orders.courier"] = frame["orders.courier"].astype("category")  # whatever codes pandas gives
    expected = predictor.predict(rows)[[f"score.{label}" for label in predictor.classes]].to_numpy()
    np.testing.assert_array_equal(np.asarray(booster.predict(frame))[kept], expected[kept])
    assert export.parity.identical == export.parity.rows
    assert (export.without, export.classes) == (["nulls", "actions"], ["ada", "bo", "cy"])


def test_the_report_names_what_was_compared_and_is_beside_the_file(tmp_path, monkeypatch):
    model = made(tmp_path, monkeypatch, "lateness")
    export, folder = exported(tmp_path, model, "lightgbm", "nulls")
    report = json.loads((folder / "export.json").read_text())
    assert report["parity"] == vars(export.parity)
    assert report["trained_model"] == model[1].id
    assert export.parity.rows + export.parity.skipped == 10_000
    assert export.parity.of_snapshot <= 1800 < export.parity.rows  # three parts of 600 rows, and drawn ones
    assert (export.parity.identical, export.parity.largest_difference) == (export.parity.rows, 0.0)
    assert export.parity.skipped > 0
    assert sorted(export.files) == ["model.txt"]
    assert [column["name"] for column in report["columns"]] == [column.name for column in model[2].matrix]
    assert sorted(path.name for path in folder.iterdir()) == ["export.json", "model.txt"]


def test_what_the_text_cannot_hold_is_named_and_nothing_is_written(tmp_path, monkeypatch):
    text = LATE_PARCEL.replace("split:", "transforms: [steps:calendar]\ncalibration: sigmoid\nsplit:")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/steps.py").write_text(CALENDAR)
    model = made(tmp_path, monkeypatch, "late_parcel", models__late_parcel=text)
    with pytest.raises(ExportRefused) as caught:
        exported(tmp_path, model, "lightgbm", "actions", "nulls")
    assert caught.value.reasons == (
        "it cannot hold transforms: the project's functions steps:calendar make columns",
        "it cannot hold calibration: scores go through sigmoid calibration",
    )
    assert list(tmp_path.glob("*out*")) == []


def test_actions_and_nulls_may_be_excluded_on_purpose(tmp_path, monkeypatch):
    model = made(tmp_path, monkeypatch, "late_parcel")
    with pytest.raises(
        ExportRefused, match=r"it cannot hold actions: the recommended action \(upgrade, wait\)"
    ) as caught:
        exported(tmp_path, model, "lightgbm")
    assert caught.value.reasons[-1].endswith("add --without nulls --without actions")
    assert exported(tmp_path, model, "lightgbm", "actions", "nulls")[0].without == ["nulls", "actions"]


@pytest.mark.parametrize(
    ("format", "without", "message"),
    [
        ("lightbgm", [], "this is no export format. Did you mean lightgbm?"),
        ("lightgbm", ["calibration"], "calibration cannot be left out"),
    ],
)
def test_unknown_names_are_refused(tmp_path, monkeypatch, format, without, message):
    model = made(tmp_path, monkeypatch, "lateness")
    with pytest.raises(ExportRefused, match=message):
        exported(tmp_path, model, format, *without)


def test_another_algorithm_is_no_lightgbm_text(tmp_path, monkeypatch):
    text = LATENESS.replace(
        "{name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}", "ridge"
    )
    model = made(tmp_path, monkeypatch, "lateness", models__lateness=text)
    for format in ("lightgbm", "onnx"):
        with pytest.raises(ExportRefused, match="cannot hold estimator: the estimator is scikit_learn"):
            exported(tmp_path, model, format, "nulls")


def test_a_folder_that_exists_is_not_changed(tmp_path, monkeypatch):
    model = made(tmp_path, monkeypatch, "lateness")
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportRefused, match=r"exists\. Remove it, or name another folder"):
        exported(tmp_path, model, "lightgbm", "nulls")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_answers_in_another_way_is_removed(tmp_path, monkeypatch):
    model = made(tmp_path, monkeypatch, "lateness")
    kind = export_formats()["lightgbm"]
    write = kind.write

    def spoiled(self: Any, predictor: Predictor, folder: Path) -> None:
        write(self, predictor, folder)
        path = folder / "model.txt"
        text = path.read_text()  # as long as before: LightGBM takes the lengths of trees from the text
        path.write_text(re.sub(r"leaf_value=(-?)\d", r"leaf_value=\g<1>7", text, count=1))

    monkeypatch.setattr(kind, "write", spoiled)
    with pytest.raises(ExportRefused, match=r"\d+ of \d+ rows have another score, by up to .* the model gives"):
        exported(tmp_path, model, "lightgbm", "nulls")
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_without_a_snapshot_rows_are_drawn(tmp_path, monkeypatch):
    from ml_platform.core.errors import ArtifactMissing

    model = made(tmp_path, monkeypatch, "lane")

    def gone(project: Project, id: str) -> None:
        raise ArtifactMissing("snapshot", id, "there")

    monkeypatch.setattr("ml_platform.models.export.parity_rows.load_snapshot", gone)
    parity = exported(tmp_path, model, "lightgbm", "actions", "nulls")[0].parity
    assert (parity.of_snapshot, parity.rows + parity.skipped) == (0, 10_000)
    assert parity.identical == parity.rows


# The command --------------------------------------------------------------------------------------------------------


def test_the_command_prints_the_comparison_and_writes_the_folder(tmp_path, monkeypatch, capsys):
    from datetime import UTC, datetime

    from ml_platform.cli import main
    from ml_platform.reporting.reference.json_documents import fields_of
    from ml_platform.storage.versions import Version

    project, artifact, _ = made(tmp_path, monkeypatch, "lateness")
    version = Version("lateness", 1, artifact.id, "lateness", datetime(2024, 1, 1, tzinfo=UTC))
    monkeypatch.setattr("ml_platform.cli.export.version_named", lambda _, name: version)
    monkeypatch.setattr("ml_platform.cli.export.open_project", lambda _: project)
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ml-platform", "export", "lateness@1", str(project.root), *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    code, out, _ = call("--format", "lightgbm", "--without", "nulls")
    assert code == 0
    assert "lateness@1 exported as lightgbm" in out
    assert "lateness-1-lightgbm" in out
    assert (tmp_path / "lateness-1-lightgbm/model.txt").is_file()
    code, out, _ = call("--format", "lightgbm", "--without", "nulls", "--output", "other", "--json")
    document = json.loads(out)
    assert document.pop("format_version") == 1
    assert {*document} == fields_of("export")[0]
    assert document["parity"]["identical"] == document["parity"]["rows"]
    code, out, err = call("--format", "lightgbm")
    assert code == 1
    assert "nothing is exported as lightgbm: it cannot hold nulls" in err
    assert "E-EXPORT-001" in err


# A format of an installed package -----------------------------------------------------------------------------------


def guide_example(language: str) -> str:
    """Return the code of the guide on extending, as it stands there."""
    guide = Path(__file__).parents[2] / "docs/guides/extend.md"
    text = guide.read_text().partition("## An export format of your own\n")[2]
    return text.partition(f"```{language}\n")[2].partition("```")[0]


def test_the_format_of_the_guide_is_written_read_and_compared(tmp_path, monkeypatch):
    import xgboost

    site = tmp_path / "site"
    site.mkdir()
    points = guide_example("toml").replace("project.entry-points.", "").replace('"', "")
    install(site, monkeypatch, "own_format", guide_example("python"), points)
    export_formats.cache_clear()
    try:
        declared = LATENESS.replace(
            "{name: lightgbm, params: {num_leaves: 7, learning_rate: 0.1, num_iterations: 60}}", "xgboost"
        )
        model = made(tmp_path, monkeypatch, "lateness", models__lateness=declared)
        export, folder = exported(tmp_path, model, "xgboost", "nulls")
    finally:
        export_formats.cache_clear()
    predictor, rows = model[2], shop_rows(500, seed=77)
    booster = xgboost.Booster(model_file=folder / "model.ubj")
    answered = booster.predict(xgboost.DMatrix(rows[[column.name for column in predictor.matrix]].astype(float)))
    kept = rows[NULLS].notna().all(axis=1)
    np.testing.assert_array_equal(answered[kept], predictor.predict(rows)["score"][kept])
    assert export.parity.identical == export.parity.rows
